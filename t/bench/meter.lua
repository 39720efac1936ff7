-- What one writes to meter Bedrock's answers in Lua: the usage of a JSON
-- answer when it is whole, of a stream only from events that mention it.

local cjson = require "cjson.safe"

local _M = {}


local function count(body)
    local doc = cjson.decode(body)
    local usage = type(doc) == "table" and doc.usage or nil

    -- Titan's embeddings name theirs at the top
    local input = usage and usage.inputTokens
                  or type(doc) == "table" and doc.inputTextTokenCount
    local output = usage and usage.outputTokens or 0

    if input then
        local tokens = ngx.shared.tokens
        tokens:incr("input", input, 0)
        tokens:incr("output", output, 0)
        tokens:incr("calls", 1, 0)
    end
end


local function uint32(s, at)
    local a, b, c, d = s:byte(at, at + 3)
    return ((a * 256 + b) * 256 + c) * 256 + d
end


-- total length, headers length, CRC; headers; payload; CRC

local function stream(ctx, chunk)
    local data = ctx.rest and ctx.rest .. chunk or chunk
    local from = data:find('"usage"', 1, true)
    local at = 1

    while #data - at + 1 >= 16 do
        local total = uint32(data, at)

        if total < 16 or #data - at + 1 < total then
            break
        end

        local last = at + total - 5

        if from and from >= at and from <= last then
            count(data:sub(at + 12 + uint32(data, at + 4), last))
        end

        at = at + total
    end

    ctx.rest = at <= #data and data:sub(at) or nil
end


function _M.body()
    local ctx = ngx.ctx
    local chunk = ngx.arg[1]

    if ctx.stream == nil then
        ctx.stream = ngx.header.content_type
                     == "application/vnd.amazon.eventstream"
    end

    if ctx.stream then
        if chunk ~= "" then
            stream(ctx, chunk)
        end
        return
    end

    if chunk ~= "" then
        local parts = ctx.parts

        if parts == nil then
            parts = {}
            ctx.parts = parts
        end

        parts[#parts + 1] = chunk
    end

    if ngx.arg[2] and ctx.parts then
        count(table.concat(ctx.parts))
    end
end


return _M
