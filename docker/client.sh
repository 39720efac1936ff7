#!/bin/sh
#
# A few calls with boto3 through the gateway, once it answers.

cd "$(dirname "$0")" || exit 1

export AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://127.0.0.1:8080
export AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE
export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY

answers() {
    /opt/venv/bin/python -c 'import sys, urllib.request as u
for url in sys.argv[1:]:
    u.urlopen(url, timeout=2)' "$@" 2> /dev/null
}

for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    answers http://127.0.0.1:8088/genai/healthz \
        http://127.0.0.1:8090/sim/health && break
    sleep 1
done

/opt/venv/bin/python t/sim/clients/python/calls.py < calls.json || exit 1

echo "metrics: http://127.0.0.1:8088/genai/metrics"
echo "spans:   in the collector's output"
