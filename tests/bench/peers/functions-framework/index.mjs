import functions from "@google-cloud/functions-framework";

functions.http("hello", (_request, response) => {
  response.json({ hello: "world" });
});
