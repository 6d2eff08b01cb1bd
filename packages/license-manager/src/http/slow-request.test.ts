import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { SECURITY_HEADERS } from './headers.ts';
import { launchHttp } from './launch.testing.ts';

it('S8, S14: a request that does not come to its end is told so, with the headers of every answer', async () => {
  const { port, close } = await launchHttp({}, { headersMs: 100, requestMs: 100, checkMs: 50 });
  onTestFinished(close);
  for (const begun of [
    'GET /healthz HTTP/1.1\r\nHost: local',
    'POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  ]) {
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(begun));
      socket.on('error', () => undefined).on('data', (chunk) => (text += chunk.toString('latin1')));
      socket.once('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 (?:408|400) /);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) expect(answer.toLowerCase()).toContain(`${name}: ${value.toLowerCase()}`);
    expect(answer).toContain('content-type: application/problem+json');
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ status: 408, errorCode: 501 });
  }
});
