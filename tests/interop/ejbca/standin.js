// SPDX-License-Identifier: MIT
// A stand-in for EJBCA: a TLS server of its own that answers as EJBCA's REST API does, with every
// fault on demand. It is no EJBCA: what it shows holds for the behaviour that is written down here.
// Certificates are signed by openssl. Used by the tests of this folder and by tests/cut.
//
// usage: node standin.js DIR EDITION [PORT]
//   DIR      pki.sh has made its keys and certificates; control.sock appears there
//   EDITION  7.11 (Community: PEM requests only, no list of CAs), 9 (Community), enterprise
//
// Prints "ready URL". The socket takes one line a command and answers one line of JSON:
//   fault NAME [COUNT [MS]]   the next COUNT enrolments (or, of key-lost, key generations); COUNT 0: none
//   state                     {calls, enrolments, certificates: [...], keys: [...]}
//   hold on|off               answers of enrolments wait, after their certificate is made
'use strict';
const https = require('https');
const net = require('net');
const fs = require('fs');
const path = require('path');
const crypto = require('crypto');
const { execFile } = require('child_process');

const [dir, edition, port] = [process.argv[2], process.argv[3], Number(process.argv[4] || 0)];
const file = (name) => path.join(dir, name);
const base = '/ejbca/ejbca-rest-api';
const caName = 'Hallmark Test CA';
const versions = { '7.11': '7.11.0', '9': '9.1.1', enterprise: '9.1.1' };
const revision = `EJBCA ${versions[edition]} ${edition === 'enterprise' ? 'Enterprise' : 'Community'} (stand-in)`;

// What the administrators of an EJBCA would set: extended key usage, and days (0: no expiry).
const certificateProfiles = {
  DeviceCP: { usage: 'clientAuth', days: 0 },
  BootCP: { usage: 'codeSigning', days: 0 },
  StationCP: { usage: 'clientAuth', days: 731, san: true },
  PeopleCP: { usage: 'clientAuth', days: 731, san: true },
  CheckCP: { usage: 'clientAuth', days: 0 },
};
const endEntityProfiles = ['DeviceEE', 'BootEE', 'StationEE', 'PeopleEE', 'CheckEE'];

const users = new Map(); // by name: {key, dn}
const certificates = []; // {user, der, serial, key, dn, profile, revoked}
const keys = [];
const calls = [];
let enrolments = 0;
let slow = 0; // enrolments under way that are not made yet
let held = null; // answers that wait
const fault = { name: '', count: 0, ms: 0 };

const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

function run(program, args, input) {
  return new Promise((done) => {
    const child = execFile(program, args, { encoding: 'buffer', maxBuffer: 1 << 20 }, (error, out, err) =>
      done({ code: error ? 1 : 0, out, err: err.toString() }));
    if (input) child.stdin.end(input);
  });
}

// One at a time: openssl ca keeps files.
let queue = Promise.resolve();
function alone(work) {
  const turn = queue.then(work);
  queue = turn.catch(() => {});
  return turn;
}

class Refusal extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

const absent = (url) => new Refusal(404,
  `RESTEASY003210: Could not find resource for full path: https://localhost${base}${url}`);

// ---- requests for certificates ----

function pemOf(text) {
  if (typeof text !== 'string' || text === '') throw new Refusal(400, 'Certificate request is missing.');
  if (text.includes('BEGIN CERTIFICATE REQUEST')) return text;
  if (edition === '7.11') throw new Refusal(400, 'Invalid certificate request: no PEM.');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${text.match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE REQUEST-----\n`;
}

async function openRequest(pem) {
  const read = await run('openssl', ['req', '-noout', '-pubkey', '-subject', '-nameopt', 'RFC2253,utf8,-esc_msb'], pem);
  if (read.code !== 0) throw new Refusal(400, 'Could not parse the certificate request.');
  const text = read.out.toString();
  const parts = text.match(/^subject=(.*)$/m)[1].split(/(?<!\\),/).map((part) => part.trim());
  const publicKey = text.match(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/)[0];
  const der = crypto.createPublicKey(publicKey).export({ type: 'spki', format: 'der' });
  const verified = await run('openssl', ['req', '-noout', '-verify'], pem);
  const all = await run('openssl', ['req', '-noout', '-text'], pem);
  const uri = all.out.toString().match(/URI:(\S+)/);
  return {
    parts, publicKey, key: crypto.createHash('sha256').update(der).digest('hex'),
    signed: verified.code === 0 && /verify OK/.test(`${verified.err}${verified.out}`), uri: uri ? uri[1] : null,
  };
}

// EJBCA's own order of a DN (LDAP): from the most special part on.
const order = ['CN', 'serialNumber', 'OU', 'O'];
const kindOf = (part) => part.slice(0, part.indexOf('='));
const subjectOf = (parts) => parts.slice().sort((a, b) => order.indexOf(kindOf(a)) - order.indexOf(kindOf(b)))
  .map((part) => `/${part.replace(/\\,/g, ',').replace(/\//g, '\\/')}`).join('');

const stamp = (ms) => new Date(ms).toISOString().replace(/[-:T]|\..*/g, '').concat('Z');

async function sign(request, profile, changes) {
  const name = crypto.randomBytes(8).toString('hex');
  const [csr, out, extensions] = [file(`${name}.csr`), file(`${name}.pem`), file(`${name}.ext`)];
  const lines = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature',
    `extendedKeyUsage=${changes.usage || profile.usage}`, 'subjectKeyIdentifier=hash', 'authorityKeyIdentifier=keyid'];
  if (profile.san && request.uri) lines.push(`subjectAltName=URI:${request.uri}`);
  if (changes.extension) lines.push(changes.extension);
  fs.writeFileSync(csr, request.pem);
  fs.writeFileSync(extensions, `${lines.join('\n')}\n`);
  const end = changes.end || (profile.days === 0 ? '99991231235959Z' : stamp(Date.now() + profile.days * 86400e3));
  const made = await run('openssl', ['ca', '-batch', '-config', file('ca.cnf'), '-name', changes.ca || 'issuing', '-notext',
    '-startdate', stamp(Date.now() - 600e3), '-enddate', end, '-preserveDN', '-utf8',
    '-subj', changes.subject || subjectOf(request.parts), '-in', csr, '-out', out, '-extfile', extensions]);
  const pem = made.code === 0 ? fs.readFileSync(out, 'latin1') : '';
  for (const left of [csr, out, extensions]) fs.rmSync(left, { force: true });
  if (pem === '') throw new Refusal(400, `Certificate creation failed: ${made.err.slice(-200)}`);
  return new crypto.X509Certificate(pem);
}

async function changesOf(name, request) {
  if (name === 'wrong-subject') return { subject: '/CN=NuLink3/serialNumber=ffffffffffffffffffffffff/OU=other/O=Other' };
  if (name === 'wrong-usage') return { usage: 'serverAuth' };
  if (name === 'more-extensions') return { extension: 'crlDistributionPoints=URI:http://crl.example.test/' };
  if (name === 'cut-validity') return { end: stamp(Date.now() + 365 * 86400e3) };
  if (name === 'wrong-issuer') return { ca: 'other' };
  if (name === 'wrong-key') {
    const pair = await run('openssl', ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
      '-nodes', '-keyout', '/dev/null', '-subj', '/CN=other']);
    request.pem = pair.out.toString();
  }
  return {};
}

async function issue(body, user, request, profile, changes) {
  const certificate = await alone(() => sign(request, profile, changes));
  const row = {
    user, der: certificate.raw, serial: certificate.serialNumber, key: request.key, dn: subjectOf(request.parts),
    profile: body.certificate_profile_name, revoked: false,
  };
  certificates.push(row);
  users.set(user, { key: request.key, dn: row.dn });
  enrolments += 1;
  return row;
}

// In EJBCA's order: the CA and both profiles are looked up before the request's signature.
async function admit(body) {
  const pem = pemOf(body.certificate_request);
  const request = await openRequest(pem);
  request.pem = pem;
  if (body.certificate_authority_name !== caName)
    throw new Refusal(400, `CA with name ${body.certificate_authority_name} doesn't exist.`);
  const profile = certificateProfiles[body.certificate_profile_name];
  if (!profile) throw new Refusal(400, `Certificate profile with name ${body.certificate_profile_name} doesn't exist.`);
  if (!endEntityProfiles.includes(body.end_entity_profile_name))
    throw new Refusal(400, `End entity profile with name ${body.end_entity_profile_name} doesn't exist.`);
  for (const [name, other] of users) {
    if (name === body.username) continue;
    if (other.key === request.key)
      throw new Refusal(400, `User '${body.username}' is not allowed to use same key as the user(s) '${name}' is/are using while issued by CA '${caName}'.`);
    if (other.dn === subjectOf(request.parts))
      throw new Refusal(400, `User '${body.username}' is not allowed to use same subject DN as the user(s) '${name}'.`);
  }
  if (!request.signed) throw new Refusal(400, 'POPO verification of the certificate request failed.');
  return { request, profile };
}

const refusals = {
  'ca-offline': [400, `CA ${caName} is offline and cannot be used.`],
  'token-offline': [400, 'Crypto token for the CA is offline.'],
  'device-503': [503, 'Device was unavailable.'],
  approval: [400, 'Single transaction enrollment request rejected since approvals are enabled for this CA or certificate profile.'],
  'no-role': [403, 'Administrator not authorized to resource /administrator.'],
  proxy: [403, 'Authentication failed: no client certificate or OAuth token received.'],
  disabled: [404, 'RESTEASY003210: Could not find resource for full path: https://localhost/v1/certificate/pkcs10enroll'],
  'server-error': [500, 'General failure.'],
  'bad-validity': [422, 'Illegal validity.'],
};

function oneFault(names) {
  if (fault.count === 0 || (names && !names.includes(fault.name))) return '';
  fault.count -= 1;
  return fault.name;
}

async function enrol(body, response) {
  const name = oneFault(null);
  if (refusals[name]) throw new Refusal(...refusals[name]);
  if (name === 'cut-before') return response.socket.destroy();
  if (name === 'redirect') return send(response, 302, '', { Location: `https://localhost${base}/v1/certificate/status` });
  if (name === 'html') return send(response, 200, '<html><title>Welcome</title></html>');
  if (name === 'endless') return endless(response);
  if (name === 'headers') return send(response, 201, '{}', { 'X-Long': 'a'.repeat(15000), 'X-Longer': 'b'.repeat(15000) });
  const { request, profile } = await admit(body);
  if (name === 'slow-issue') {
    slow += 1;
    await sleep(fault.ms);
    slow -= 1;
  }
  const row = await issue(body, body.username, request, profile, await changesOf(name, request));
  if (name === 'second') await issue(body, body.username, request, profile, {});
  if (name === 'cut-after') return response.socket.destroy();
  if (name === 'slow') await sleep(fault.ms);
  if (name === 'no-certificate') return send(response, 201, { serial_number: row.serial });
  if (name === 'not-base64') return send(response, 201, { certificate: '!!!', serial_number: row.serial });
  if (name === 'other-certificate') row.answer = certificates[0].der;
  if (held) await new Promise((go) => held.push(go));
  return send(response, 201, {
    certificate: (row.answer || row.der).toString('base64'), serial_number: row.serial, response_format: 'DER',
  });
}

function endless(response) {
  response.writeHead(201, { 'Content-Type': 'application/json' });
  const more = () => { while (!response.destroyed && response.write('[0'.repeat(4096))); };
  response.on('drain', more);
  more();
}

// ---- the other calls ----

const lower = (object) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]));

function search(body, response) {
  const wanted = body.criteria.find((one) => one.property === 'QUERY' && one.operation === 'EQUAL');
  if (!wanted || !(body.max_number_of_results > 0)) throw new Refusal(400, 'Invalid search criteria.');
  const found = certificates.filter((row) => row.user === wanted.value);
  send(response, 200, {
    certificates: found.slice(0, body.max_number_of_results).map((row) => ({
      // 7.11 answers base64 of base64 here.
      certificate: edition === '7.11' ? Buffer.from(row.der.toString('base64')).toString('base64') : row.der.toString('base64'),
      serial_number: row.serial, response_format: 'DER', certificate_profile: row.profile, end_entity_profile: '',
    })),
    more_results: found.length > body.max_number_of_results,
  });
}

const sameDn = (one, other) => one.split(',').map((part) => part.trim()).sort().join() ===
  other.split(',').map((part) => part.trim()).sort().join();

function find(issuer, serial) {
  const dn = new crypto.X509Certificate(fs.readFileSync(file('issuing.pem'))).subject.split('\n').join(',');
  if (!sameDn(dn, issuer)) throw new Refusal(404, `CA with DN ${issuer} does not exist.`);
  const row = certificates.find((one) => BigInt(`0x${one.serial}`) === BigInt(`0x${serial}`));
  if (!row) throw new Refusal(404, `Certificate with serial number ${serial} not found.`);
  return row;
}

function revoke(row, reason, response) {
  if (!/^[A-Z_]+$/.test(reason || '')) throw new Refusal(400, 'Invalid revocation reason.');
  if (row.revoked) throw new Refusal(409, 'Certificate is already revoked.');
  row.revoked = true;
  row.reason = reason;
  send(response, 200, { issuer_dn: '', serial_number: row.serial, revocation_reason: reason, message: 'Successfully revoked', revoked: true });
}

async function generate(token, body, response) {
  const name = oneFault(['key-lost', 'key-lost-before']);
  if (name === 'key-lost-before') return response.socket.destroy();
  if (token !== 'Boot Token') throw new Refusal(404, `Crypto token '${token}' does not exist.`);
  if (body.key_alg !== 'EC' || body.key_spec !== 'secp256r1') throw new Refusal(422, 'Unknown key specification.');
  if (keys.includes(body.key_pair_alias)) throw new Refusal(400, `Alias '${body.key_pair_alias}' is already in use.`);
  const made = await alone(() => run(file('generate'), [body.key_pair_alias]));
  if (made.code !== 0) throw new Refusal(503, 'Device was unavailable.');
  keys.push(body.key_pair_alias);
  return name === 'key-lost' ? response.socket.destroy() : send(response, 200, '');
}

async function route(method, url, query, body, response) {
  let match;
  if (method === 'GET' && url === '/v1/certificate/status')
    return send(response, 200, { status: 'OK', version: '1.0', revision });
  if (method === 'POST' && url === '/v1/certificate/pkcs10enroll') return enrol(body, response);
  if (method === 'POST' && url === '/v1/certificate/search') return search(body, response);
  if ((match = url.match(/^\/v1\/certificate\/([^/]+)\/([0-9A-Fa-f]+)\/revocationstatus$/)) && method === 'GET') {
    const row = find(decodeURIComponent(match[1]), match[2]);
    return send(response, 200, { issuer_dn: '', serial_number: row.serial, revoked: row.revoked });
  }
  if ((match = url.match(/^\/v1\/certificate\/([^/]+)\/([0-9A-Fa-f]+)\/revoke$/)) && method === 'PUT')
    return revoke(find(decodeURIComponent(match[1]), match[2]), query.get('reason'), response);
  if (method === 'GET' && url === '/v1/ca' && edition !== '7.11') {
    const issuing = new crypto.X509Certificate(fs.readFileSync(file('issuing.pem')));
    return send(response, 200, { certificate_authorities: [{ id: 1, name: caName, subject_dn: issuing.subject.split('\n').join(','), issuer_dn: '', expiration_date: '' }] });
  }
  if ((match = url.match(/^\/v1\/cryptotoken\/([^/]+)\/generatekeys$/)) && method === 'POST' && edition === 'enterprise')
    return generate(decodeURIComponent(match[1]), body, response);
  throw absent(url);
}

function send(response, status, body, headers) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json', ...lower(headers || {}) });
  response.end(text);
}

function refuse(response, error) {
  if (response.destroyed || response.headersSent) return;
  const status = error.status || 500;
  send(response, status, { error_code: status, error_message: error.status ? error.message : 'General failure.' });
  if (!error.status) process.stderr.write(`standin: ${error.stack}\n`);
}

async function serve(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const where = new URL(request.url, 'https://localhost');
  if (!request.url.startsWith(`${base}/`)) throw absent(request.url);
  const url = request.url.split('?')[0].slice(base.length);
  calls.push(`${request.method} ${url}`);
  if (request.headers['x-keyfactor-requested-with'] === undefined) throw new Refusal(403, 'X-Keyfactor-Requested-With is missing.');
  const text = Buffer.concat(chunks).toString();
  await route(request.method, url, where.searchParams, text === '' ? {} : JSON.parse(text), response);
}

const server = https.createServer({
  key: fs.readFileSync(file('tls.key')), cert: fs.readFileSync(file('tls.pem')),
  ca: fs.readFileSync(file('root.pem')), requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2',
}, (request, response) => serve(request, response).catch((error) => refuse(response, error)));

// ---- control ----

function command(words) {
  if (words[0] === 'fault') {
    [fault.name, fault.count, fault.ms] = [words[1], Number(words[2] === undefined ? 1 : words[2]), Number(words[3] || 0)];
    return { ok: true };
  }
  if (words[0] === 'hold') {
    const waiting = held || [];
    held = words[1] === 'on' ? [] : null;
    for (const go of waiting) go();
    return { ok: true };
  }
  if (words[0] === 'state')
    return { calls, enrolments, slow, held: held ? held.length : 0, keys,
      certificates: certificates.map(({ der, answer, ...rest }) => rest) };
  return { error: 'unknown command' };
}

fs.rmSync(file('control.sock'), { force: true });
net.createServer((socket) => {
  let line = '';
  socket.on('error', () => {});
  socket.on('data', (data) => {
    line += data;
    for (let end = line.indexOf('\n'); end >= 0; end = line.indexOf('\n')) {
      socket.write(`${JSON.stringify(command(line.slice(0, end).split(' ')))}\n`);
      line = line.slice(end + 1);
    }
  });
}).listen(file('control.sock'), () => server.listen(port, '127.0.0.1', () =>
  process.stdout.write(`ready https://localhost:${server.address().port}${base}\n`)));
