// Server-sent events over fetch: EventSource cannot send a token.

import { ask } from "./api.js";

/** Take a stream apart: give it text as it comes, get the events that are whole. Pure. */
export const parser = () => {
  let rest = "";
  return (text) => {
    rest += text;
    const held = rest.endsWith("\r") ? "\r" : ""; // half of a line's end, perhaps
    const whole = rest.slice(0, rest.length - held.length).replace(/\r\n?/g, "\n");
    const blocks = whole.split("\n\n");
    rest = blocks.pop() + held;
    return blocks.map(parsed).filter((event) => event.data !== "");
  };
};

const parsed = (block) => {
  const event = { event: "message", data: "" };
  const data = [];
  for (const line of block.split("\n")) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name === "event") event.event = value;
    if (name === "data") data.push(value);
  }
  event.data = data.join("\n");
  return event;
};

/** Yield the events of an address, until it ends or is aborted. */
export async function* events(path, signal) {
  const response = await ask(path, { signal, accept: "text/event-stream" });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const take = parser();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield* take(value);
  }
}
