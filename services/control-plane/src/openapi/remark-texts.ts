// Why elements that OpenAPI has and an API has not are left out, and what to do, by the key under which they stand.

interface RemarkText {
  what: string;
  advice: string;
}

const TEXTS: Readonly<Record<string, RemarkText>> = {
  allowEmptyValue: text("whether a parameter may be empty is not known", "say it by the schema's minLength"),
  allowReserved: text("callers always percent-encode reserved characters"),
  callbacks: text("an API makes no calls of its own", "keep the callback's document beside this one"),
  content: text("a parameter has a schema, not a content", "describe the parameter by a schema"),
  encoding: text("how a form's fields are encoded is not known", "say what matters in the description"),
  example: text("no example is kept here"),
  examples: text("one example is kept, not several with names", "write the best one as example"),
  externalDocs: text("links to other documents are not kept", "put the link into the description"),
  headers: text("headers of answers are not known", "say what matters in the answer's description"),
  host: text("callers reach the group by its deployments", "bind a domain to a deployment"),
  links: text("links between operations are not known", "say what matters in the description"),
  schemes: text("the platform decides over which protocol it is called"),
  security: text(
    "who may call is a setting of the group",
    "set it by: millrace group update {group} --access authorized",
  ),
  securityDefinitions: text("callers are told apart by keys of the platform", "give them keys and authorise those"),
  securitySchemes: text("callers are told apart by keys of the platform", "give them keys and authorise those"),
  servers: text("callers reach the group by its deployments", "a path in front is the group's prefix"),
  trace: text("there are no APIs for TRACE"),
  webhooks: text("an API makes no calls of its own", "keep the webhooks' document beside this one"),
  xml: text("how a value becomes XML is not known"),
};

/** Says something of any key. `group` is the id of the group that is imported into. */
export function remarkOn(key: string, group: string): RemarkText {
  const known = Object.hasOwn(TEXTS, key) ? TEXTS[key] : undefined;
  if (known) return text(known.what, known.advice.replace("{group}", group));
  return key.startsWith("x-") ? text("it is an extension of somebody else's") : text("APIs have nothing like it");
}

function text(what: string, advice = ""): RemarkText {
  return { what, advice };
}
