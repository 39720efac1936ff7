-- What one writes to meter Bedrock's answers in Lua: the usage of a JSON
-- answer when it is whole, of a stream only from events that mention it.
-- body() is what one writes first: it takes the payload of each event and
-- looks for "usage" in it.  tuned() looks once through all that has come and
-- takes only the payload that the word is in.

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


-- total length, headers length, CRC; headers; payload; CRC: the length of
-- a frame that is there as a whole

local function whole(data, at)
    local left = #data - at + 1

    if left >= 16 then
        local total = uint32(data, at)

        return total >= 16 and total <= left and total or nil
    end
end


local function payload(data, at, total)
    return data:sub(at + 12 + uint32(data, at + 4), at + total - 5)
end


local function each(data)
    local at = 1
    local total = whole(data, at)

    while total do
        local event = payload(data, at, total)

        if event:find('"usage"', 1, true) then
            count(event)
        end

        at = at + total
        total = whole(data, at)
    end

    return at
end


local function once(data)
    local from = data:find('"usage"', 1, true)
    local at = 1
    local total = whole(data, at)

    while total do
        if from and from >= at and from < at + total then
            count(payload(data, at, total))
        end

        at = at + total
        total = whole(data, at)
    end

    return at
end


local function filter(events)
    local ctx = ngx.ctx
    local chunk = ngx.arg[1]

    if ctx.stream == nil then
        ctx.stream = ngx.header.content_type
                     == "application/vnd.amazon.eventstream"
    end

    if ctx.stream then
        if chunk ~= "" then
            local data = ctx.rest and ctx.rest .. chunk or chunk
            local at = events(data)

            ctx.rest = at <= #data and data:sub(at) or nil
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


function _M.body()
    filter(each)
end


function _M.tuned()
    filter(once)
end


return _M
