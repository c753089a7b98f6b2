// Sends HL7 v2 messages by node-hl7-client, one line of hexadecimal each on standard input; prints, per message and in
// order, the acknowledgement as it reads it. Usage: node send.mjs PORT
import { Client, Message } from "node-hl7-client";
import { createInterface } from "node:readline";

const client = new Client({ host: "127.0.0.1" });
const waiting = [];
const connection = client.createConnection({ port: Number(process.argv[2]) }, (answer) => {
  const said = answer.getMessage();
  const text = (path) => said.get(path).toString();
  process.stdout.write(`${JSON.stringify({ code: text("MSA.1"), of: text("MSA.2"), type: text("MSH.9.1") })}\n`);
  waiting.shift()?.();
});

for await (const line of createInterface({ input: process.stdin })) {
  const answered = new Promise((done) => waiting.push(done));
  await connection.sendMessage(new Message({ text: Buffer.from(line, "hex").toString("utf8") }));
  await answered;
}
await connection.close();
client.closeAll();
process.exit(0);
