// Messages between two processes: one line of JSON each, over a pair of descriptors.
//
// Guarantee: whatever comes in, `receive` gives an object of at most MOST_BYTES of text, or calls
// `lose`, which does not return.
"use strict";

const { readSync, writeSync } = require("fs");

const { parse, stringify } = JSON;
const { alloc, concat, from } = Buffer;
const MOST_BYTES = 64 << 20;
const CHUNK = 1 << 16;
const NEWLINE = 10;

class Wire {
  constructor(input, output, lose) {
    this.input = input;
    this.output = output;
    this.lose = lose;
    this.chunk = alloc(CHUNK);
    this.rest = alloc(0);
  }

  send(message) {
    const data = from(stringify(message) + "\n");
    try {
      for (let done = 0; done < data.length; ) done += writeSync(this.output, data, done);
    } catch {
      this.lose("the program ended before the test did");
    }
  }

  receive() {
    let message;
    try {
      message = parse(this.line());
    } catch {
      this.lose("the program ended before the test did");
    }
    if (message === null || typeof message !== "object") this.lose("the program talks nonsense");
    return message;
  }

  line() {
    const parts = [this.rest];
    let size = this.rest.length;
    let end = this.rest.indexOf(NEWLINE);
    while (end < 0) {
      const count = readSync(this.input, this.chunk, 0, CHUNK, null);
      if (count === 0) this.lose("the program ended before the test did");
      const part = from(this.chunk.subarray(0, count));
      parts[parts.length] = part;
      end = part.indexOf(NEWLINE);
      if (end >= 0) end += size;
      size += count;
      if (size > MOST_BYTES) this.lose(`the program answers with more than ${MOST_BYTES >> 20} MiB`);
    }
    const whole = parts.length === 1 ? parts[0] : concat(parts, size);
    this.rest = whole.subarray(end + 1);
    return whole.toString("utf8", 0, end);
  }
}

module.exports = { Wire };
