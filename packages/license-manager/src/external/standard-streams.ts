import { Duplex, type Readable, type Writable } from 'node:stream';

/** Standard input and output as one connection. It is over, without error, as soon as either of them is: then nobody is at the other end. */
export const joinStreams = (input: Readable, output: Writable): Duplex => {
  const over = (): void => void joined.destroy();
  const joined = new Duplex({
    read: () => void input.resume(),
    write: (chunk: Uint8Array, _encoding, done) => void output.write(chunk, () => done()),
    final: (done) => void output.end(done),
    destroy(_error, done) {
      input.destroy();
      done(null);
    },
  });
  input.on('data', (chunk: Uint8Array) => {
    if (!joined.push(chunk)) input.pause();
  });
  for (const event of ['end', 'close', 'error']) input.on(event, over);
  for (const event of ['close', 'error']) output.on(event, over);
  return joined;
};
