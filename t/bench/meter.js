// What one writes to meter Bedrock's answers in njs: the usage of a JSON
// answer when it is whole, of a stream only from events that mention it.
// njs 0.7 has no memory shared by workers and no state of a request but its
// variables; what it keeps between calls of the filter is in the VM, which
// lives as long as the request.

let parts = [];
let rest = null;
let streamed = null;


function count(r, text) {
    const doc = JSON.parse(text);
    const usage = doc.usage;

    r.variables.meter_input = usage ? usage.inputTokens
                                    : doc.inputTextTokenCount;
    r.variables.meter_output = usage ? usage.outputTokens : 0;
}


// total length, headers length, CRC; headers; payload; CRC

function stream(r, chunk) {
    const data = rest ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    let from = data.indexOf('"usage"');

    while (data.length - at >= 16) {
        const total = data.readUInt32BE(at);

        if (total < 16 || data.length - at < total) {
            break;
        }

        const last = at + total - 4;

        if (from >= at && from < last) {
            count(r, data.slice(at + 12 + data.readUInt32BE(at + 4), last)
                         .toString());
        }

        at += total;
    }

    rest = at < data.length ? data.slice(at) : null;
}


function body(r, data, flags) {
    if (streamed === null) {
        streamed = r.headersOut['Content-Type']
                   === 'application/vnd.amazon.eventstream';
    }

    if (streamed) {
        if (data.length) {
            stream(r, data);
        }

    } else {
        if (data.length) {
            parts.push(data);
        }

        if (flags.last && parts.length) {
            count(r, Buffer.concat(parts).toString());
            parts = [];
        }
    }

    r.sendBuffer(data, flags);
}

export default { body };
