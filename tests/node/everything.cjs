// The MCP project's own "everything" server at a port that the system chooses; prints its address.
"use strict";
const http = require("node:http");
const { pathToFileURL } = require("node:url");

const listen = http.Server.prototype.listen;
http.Server.prototype.listen = function (port, ...rest) {
  this.once("listening", () =>
    console.log(`serving http://127.0.0.1:${this.address().port}/mcp`),
  );
  return listen.call(this, 0, "127.0.0.1", ...rest);
};

process.argv[2] = "streamableHttp";
const main = require.resolve("@modelcontextprotocol/server-everything/dist/index.js");
import(pathToFileURL(main).href);
