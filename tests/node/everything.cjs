// The MCP project's own "everything" server at a port that the system chooses; prints its address.
// The argument is its transport: `streamableHttp` unless another is given, or `sse` (HTTP with SSE, of 2024-11-05).
"use strict";
const http = require("node:http");
const { pathToFileURL } = require("node:url");

const transport = process.argv[2] ?? "streamableHttp";
const endpoint = transport === "sse" ? "sse" : "mcp";

const listen = http.Server.prototype.listen;
http.Server.prototype.listen = function (port, ...rest) {
  this.once("listening", () =>
    console.log(`serving http://127.0.0.1:${this.address().port}/${endpoint}`),
  );
  return listen.call(this, 0, "127.0.0.1", ...rest);
};

process.argv[2] = transport;
const main = require.resolve("@modelcontextprotocol/server-everything/dist/index.js");
import(pathToFileURL(main).href);
