export const PROXY_PORT = 3_128;
/** The program of an HTTP proxy as small as can be: plain requests with the whole address in front, and tunnels. Prints what it was asked for. */
export const PROXY = `
const http = require('node:http'), net = require('node:net');
const server = http.createServer((near, answer) => {
  console.log(near.method + ' ' + near.url);
  const { hostname, port, pathname } = new URL(near.url);
  const far = http.request({ host: hostname, port, path: pathname, method: near.method, headers: near.headers }, (said) => {
    answer.writeHead(said.statusCode, said.headers);
    said.pipe(answer);
  });
  far.on('error', () => answer.writeHead(502).end());
  near.pipe(far);
});
server.on('connect', (asked, near) => {
  console.log('CONNECT ' + asked.url);
  const at = asked.url.lastIndexOf(':');
  const far = net.connect(Number(asked.url.slice(at + 1)), asked.url.slice(0, at), () => {
    near.write('HTTP/1.1 200 OK\\r\\n\\r\\n');
    near.pipe(far).pipe(near);
  });
  far.on('error', () => near.destroy());
  near.on('error', () => far.destroy());
});
server.listen(${PROXY_PORT}, () => console.log('ready'));`;
