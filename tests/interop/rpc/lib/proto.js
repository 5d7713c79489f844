// SPDX-License-Identifier: MIT
// proto: the messages of proto/hallmark/v1, read at run time from the repository's own files.
'use strict';

const fs = require('fs');
const path = require('path');
const protobuf = require('protobufjs');

const folder = path.resolve(__dirname, '../../../../proto');

function load() {
    const root = new protobuf.Root();
    root.resolvePath = (origin, target) =>
        path.isAbsolute(target) ? target : path.join(folder, target);
    const files = fs.readdirSync(path.join(folder, 'hallmark/v1'))
        .filter((name) => name.endsWith('.proto'));
    root.loadSync(files.map((name) => path.join(folder, 'hallmark/v1', name)));
    root.resolveAll();
    return root;
}

const root = load();

function type(name) {
    return root.lookupType(`hallmark.v1.${name}`);
}

function encode(name, fields) {
    const message = type(name);
    const fault = message.verify(fields);
    if (fault) throw new Error(`${name}: ${fault}`);
    return Buffer.from(message.encode(message.create(fields)).finish());
}

function decode(name, bytes) {
    return type(name).decode(bytes);
}

// "hallmark.v1.Service/Method": the names of its messages, and which side streams.
function method(full) {
    const [service, name] = full.split('/');
    const found = root.lookupService(service).methods[name];
    if (!found) throw new Error(`no method ${full}`);
    return {
        request: found.resolvedRequestType.name,
        response: found.resolvedResponseType.name,
        clientStreams: Boolean(found.requestStream),
        serverStreams: Boolean(found.responseStream),
    };
}

function hasMethod(full) {
    return methods().includes(full);
}

// Every method of the .proto files, by its full name.
function methods() {
    return root.lookup('hallmark.v1').nestedArray
        .filter((entry) => entry instanceof protobuf.Service)
        .flatMap((service) => service.methodsArray.map((m) => `hallmark.v1.${service.name}/${m.name}`));
}

module.exports = { encode, decode, method, hasMethod, methods, type };
