// Takes HL7 v2 messages by node-hl7-server and acknowledges each with AA. Usage: node serve.mjs PORT
// It listens on every address, whatever it is told: run it where there is none but loopback.
import { Server } from "node-hl7-server";

const server = new Server();
server.createInbound({ port: Number(process.argv[2]) }, async (_, answer) => {
  await answer.sendResponse("AA");
});
