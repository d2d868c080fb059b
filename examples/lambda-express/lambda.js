const serverless = require("serverless-http");
const app = require("./app.js");

// As it is written for AWS Lambda.
module.exports.handler = serverless(app);
