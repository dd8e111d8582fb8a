import { createSocket, type RemoteInfo } from 'node:dgram';
import { Resolver } from 'node:dns/promises';

const TYPE_A = 1;
const TYPE_AAAA = 28;

const bytesOf = (address: string): Buffer =>
  address.includes(':')
    ? Buffer.from(
        address
          .split(':')
          .map((group) => group.padStart(4, '0'))
          .join(''),
        'hex',
      )
    : Buffer.from(address.split('.').map(Number));

/** The answer to a query of one question (RFC 1035 §4.1). */
function answerTo(query: Buffer, addressesOf: (type: number) => readonly string[]): Buffer {
  const questionEnd = query.indexOf(0, 12) + 5;
  const addresses = addressesOf(query.readUInt16BE(questionEnd - 4));
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt16BE(0, 10);
  const records = addresses.map((address) => {
    const data = bytesOf(address);
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    query.copy(record, 2, questionEnd - 4, questionEnd);
    record.writeUInt32BE(1, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, query.subarray(12, questionEnd), ...records]);
}

/** A DNS server on loopback, and a resolver that asks it. Without addresses it never answers. */
export async function nameServer(
  addresses?: readonly string[],
): Promise<{ readonly resolver: Resolver; close(): void }> {
  const socket = createSocket('udp4');
  socket.on('message', (query: Buffer, { port, address }: RemoteInfo) => {
    if (addresses === undefined) return;
    const answer = answerTo(query, (type) =>
      addresses.filter((a) => type === (a.includes(':') ? TYPE_AAAA : TYPE_A)),
    );
    socket.send(answer, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const resolver = new Resolver({ timeout: addresses === undefined ? 100 : 10_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return { resolver, close: () => socket.close() };
}
