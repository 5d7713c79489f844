// call: one call of ours, unary or streaming, from its REQUEST to its RESPONSE.
'use strict';

const proto = require('./proto');

class StatusError extends Error {
    constructor(status, code, words) {
        super(words);
        this.status = status;
        this.code = code;
    }
}

class Call {
    constructor(connection, stream, method, options) {
        this.connection = connection;
        this.stream = stream;
        this.method = method;
        this.options = options;
        this.messages = []; // received and not yet read
        this.readers = [];
        this.received = 0; // number of the next DATA
        this.done = new Promise((resolve, reject) => {
            this.resolve = resolve;
            this.reject = reject;
        });
        this.done.catch(() => {});
    }

    startTimer(ms) {
        this.timer = setTimeout(() => this.cancel('deadline exceeded', 4), ms);
    }

    end(settle) {
        clearTimeout(this.timer);
        this.connection.calls.delete(this.stream);
        settle();
        this.over = true;
        for (const reader of this.readers.splice(0)) reader();
    }

    fail(error) {
        this.end(() => this.reject(error));
    }

    // Give it up: CANCEL is sent, and no answer is awaited.
    cancel(reason = 'given up', status = 1) {
        this.connection.send({ cancel: { stream: this.stream, reason } });
        this.fail(new StatusError(status, 0, reason));
    }

    response(response) {
        if (response.status !== 0) return this.fail(new StatusError(response.status, response.code, response.message));
        let message;
        try {
            message = proto.decode(proto.method(this.method).response, response.payload);
        } catch (error) {
            return this.fail(error);
        }
        return this.end(() => this.resolve(message));
    }
}

module.exports = { Call, StatusError };
