// The ceiling: node:http answering a constant.
import http from "node:http";

const BODY = JSON.stringify({ hello: "world" });

http
  .createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": BODY.length }).end(BODY);
  })
  .listen(Number(process.argv[2]), "127.0.0.1");
