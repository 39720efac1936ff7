-- wrk: one body, posted again and again, DELAY ms apart on a connection.
-- METER_HOST, METER_PATH, METER_BODY (a file), METER_DELAY

local file = assert(io.open(os.getenv("METER_BODY"), "rb"))

wrk.method = "POST"
wrk.path = os.getenv("METER_PATH")
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Host"] = os.getenv("METER_HOST")
wrk.headers["User-Agent"] = "Boto3/1.34.0 md/Botocore#1.34.0 ua/2.0 "
    .. "os/linux#6.1 md/arch#x86_64 lang/python#3.11.2 cfg/retry-mode#legacy"
wrk.headers["amz-sdk-invocation-id"] = "11111111-2222-3333-4444-555555555555"
wrk.headers["amz-sdk-request"] = "attempt=1"
wrk.headers["Authorization"] = "Bearer bedrock-api-key-EXAMPLE"

file:close()

local whole

init = function()
    whole = wrk.format()
end

request = function()
    return whole
end

local ms = tonumber(os.getenv("METER_DELAY") or "0")

if ms > 0 then
    delay = function()
        return ms
    end
end

done = function(summary)
    io.write(string.format("requests=%d errors=%d\n", summary.requests,
        summary.errors.connect + summary.errors.read + summary.errors.write
        + summary.errors.status + summary.errors.timeout))
end
