#!/usr/bin/env node
/*
 * Makes calls with the AWS SDK for JavaScript; see ../README.md for what
 * goes in and comes out. The SDK is taken from build/js, and speaks HTTP/2
 * with prior knowledge, its default, unless SIM_HTTP1 is set.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';

const build = process.env.SIM_JS
    ? new URL(`file://${process.env.SIM_JS}/`)
    : new URL('../../../../build/js/', import.meta.url);
const require = createRequire(build);
const sdk = require('@aws-sdk/client-bedrock-runtime');
const { version } = require('@aws-sdk/client-bedrock-runtime/package.json');

class Seen {
    text = '';
    tools = [];
    usage = {};
    metrics = null;
    stop = null;
    dimension = null;
    events = 0;
    first = null;

    addText(text) {
        this.text += text;
        this.first ??= performance.now();
    }

    converseUsage(u) {
        this.usage = {
            input: u.inputTokens, output: u.outputTokens,
            total: u.totalTokens,
            cache_read: u.cacheReadInputTokens ?? 0,
            cache_write: u.cacheWriteInputTokens ?? 0,
            cache_write_1h: (u.cacheDetails ?? [])
                .filter((x) => x.ttl === '1h')
                .reduce((n, x) => n + x.inputTokens, 0),
        };
    }

    claudeUsage(u) {
        const names = {
            input: 'input_tokens', output: 'output_tokens',
            cache_read: 'cache_read_input_tokens',
            cache_write: 'cache_creation_input_tokens',
        };

        for (const [key, name] of Object.entries(names)) {
            if (u[name] != null) {
                this.usage[key] = u[name];
            }
        }

        const one = u.cache_creation?.ephemeral_1h_input_tokens;
        if (one != null) {
            this.usage.cache_write_1h = one;
        }
    }

    converse(r) {
        for (const block of r.output.message.content) {
            if (block.text != null) {
                this.addText(block.text);
            }
            if (block.toolUse) {
                this.tools.push(block.toolUse.name);
            }
        }
        this.stop = r.stopReason;
        if (r.usage) {
            this.converseUsage(r.usage);
        }
    }

    invoke(body) {
        const v = JSON.parse(new TextDecoder().decode(body));

        for (const block of v.content ?? []) {
            if (block.type === 'text') {
                this.addText(block.text);
            }
            if (block.type.endsWith('tool_use')) {
                this.tools.push(block.name);
            }
        }
        this.stop = v.stop_reason ?? null;
        this.claudeUsage(v.usage ?? {});
        if (v.inputTextTokenCount != null) {
            this.usage.input = v.inputTextTokenCount;
        }
        if (v.embedding) {
            this.dimension = v.embedding.length;
        }
    }

    converseEvent(e) {
        const text = e.contentBlockDelta?.delta?.text;
        const tool = e.contentBlockStart?.start?.toolUse;

        if (text != null) {
            this.addText(text);
        }
        if (tool) {
            this.tools.push(tool.name);
        }
        if (e.messageStop) {
            this.stop = e.messageStop.stopReason;
        }
        if (e.metadata?.usage) {
            this.converseUsage(e.metadata.usage);
        }
    }

    invokeEvent(e) {
        const v = JSON.parse(new TextDecoder().decode(e.chunk.bytes));

        if (v.type === 'message_start') {
            this.claudeUsage(v.message.usage ?? {});
        } else if (v.type === 'content_block_start') {
            if (v.content_block.type === 'tool_use') {
                this.tools.push(v.content_block.name);
            }
        } else if (v.type === 'content_block_delta') {
            if (v.delta.text != null) {
                this.addText(v.delta.text);
            }
        } else if (v.type === 'message_delta') {
            this.stop = v.delta.stop_reason;
            this.claudeUsage(v.usage ?? {});
        }

        const m = v['amazon-bedrock-invocationMetrics'];
        if (m) {
            this.metrics = { input: m.inputTokenCount,
                             output: m.outputTokenCount };
        }
    }
}

function note(out, meta) {
    if (meta) {
        out.status = meta.httpStatusCode;
        out.request_id = meta.requestId;
        out.attempts = meta.attempts ?? 1;
    }
}

/* what the service's error says beyond its name and message */

function details(e) {
    const { name, message, ...rest } = e;

    return Object.fromEntries(Object.entries(rest)
        .filter(([key]) => !key.startsWith('$')));
}

async function read(stream, call, seen, out) {
    for await (const event of stream) {
        seen.events++;
        if (call.op === 'ConverseStream') {
            seen.converseEvent(event);
        } else {
            seen.invokeEvent(event);
        }
        if (seen.events === call.abort_after) {
            out.aborted = true;
            return;
        }
    }
}

async function run(client, call) {
    const seen = new Seen();
    const out = { name: call.name, op: call.op, ok: true };
    const params = { ...call.params };
    const start = performance.now();
    const abort = new AbortController();

    if (typeof params.body === 'object') {
        params.body = JSON.stringify(params.body);
    }

    const command = new sdk[`${call.op}Command`](params);

    if (call.headers) {
        command.middlewareStack.add((next) => (args) => {
            Object.assign(args.request.headers, call.headers);
            return next(args);
        }, { step: 'build' });
    }

    try {
        const r = await client.send(command, { abortSignal: abort.signal });
        note(out, r.$metadata);

        if (call.op === 'Converse') {
            seen.converse(r);
        } else if (call.op === 'InvokeModel') {
            seen.invoke(r.body);
        } else if (call.op === 'CountTokens') {
            seen.usage.input = r.inputTokens;
        } else {
            await read(call.op === 'ConverseStream' ? r.stream : r.body,
                       call, seen, out);
            if (out.aborted) {
                abort.abort();
            }
        }
    } catch (e) {
        out.ok = false;
        out.exception = e.name;
        out.code = e.name;
        out.message = String(e.message).slice(0, 300);
        out.details = details(e);
        note(out, e.$metadata);
    }

    return {
        ...out, stop: seen.stop, usage: seen.usage,
        metrics_usage: seen.metrics, events: seen.events, tools: seen.tools,
        chars: [...seen.text].length,
        text_sha256: createHash('sha256').update(seen.text).digest('hex'),
        dimension: seen.dimension,
        ms: Math.round((performance.now() - start) * 10) / 10,
        ...(seen.first && seen.events
            ? { first_ms: Math.round((seen.first - start) * 10) / 10 } : {}),
        sdk: `aws-sdk-js ${version}`,
    };
}

const options = {};
if (process.env.SIM_HTTP1) {
    const { NodeHttpHandler } = require('@smithy/node-http-handler');
    options.requestHandler = new NodeHttpHandler({});
}

const calls = JSON.parse(readFileSync(0, 'utf8'));
const clients = {};

function client(prefix) {
    const endpoint = process.env.AWS_ENDPOINT_URL_BEDROCK_RUNTIME + prefix;

    return clients[prefix] ??= new sdk.BedrockRuntimeClient(
        prefix ? { ...options, endpoint } : options);
}

if (process.env.SIM_AT_ONCE) {
    const all = calls.map((call) => run(client(call.prefix ?? ''), call));

    for (const out of await Promise.all(all)) {
        console.log(JSON.stringify(out));
    }
} else {
    for (const call of calls) {
        console.log(JSON.stringify(await run(client(call.prefix ?? ''),
                                             call)));
    }
}

Object.values(clients).forEach((c) => c.destroy());
process.exit(0);
