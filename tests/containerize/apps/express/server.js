const express = require("express");

const app = express();
app.get("/", (request, response) => response.send("hello from express\n"));
app.get("/healthz", (request, response) => response.json({ status: "ok" }));
app.listen(process.env.PORT || 3000);
