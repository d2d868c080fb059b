const express = require("express");

// An ordinary Express application, as it would listen on a port.

const app = express();
app.use(express.json());

app.get("/quotes/:symbol", (request, response) => {
  const { symbol } = request.params;
  const price = [...symbol].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) / 10;
  response.set("x-powered-by", "express").json({ symbol, price, currency: request.query.currency ?? "EUR" });
});

app.post("/orders", (request, response) => {
  const { symbol, quantity } = request.body;
  response.status(201).location(`/orders/${symbol}-1`).json({ id: `${symbol}-1`, symbol, quantity });
});

module.exports = app;
