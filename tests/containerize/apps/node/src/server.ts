import { createServer } from "node:http";

const server = createServer((_, response) => response.end("hello from typescript\n"));
server.listen(4100);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
