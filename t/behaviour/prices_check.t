#!/usr/bin/env python3
"""make prices-check finds the differences that were put in, and no others."""

import io
import json
import os
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "t", "tools"))
sys.dont_write_bytecode = True

import prices_check  # noqa: E402

PRICES = os.path.join(ROOT, "conf.examples", "prices.json")
NOW = "2026-11-23"

number = bad = 0


def ok(good, name, note=""):
    global number, bad
    number += 1
    bad += not good
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    if not good and note:
        print("\n".join("# " + line for line in note.splitlines()))


def compare(doc):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(doc, f)
        f.flush()
        out = io.StringIO()
        report = prices_check.run(PRICES, f.name, out, NOW)
    return report, out.getvalue()


def litellm(**entries):
    doc = {"sample_spec": {"litellm_provider": "one of these"}}
    doc.update(entries)
    return doc


def bedrock(input_, output, **more):
    return dict(more, litellm_provider="bedrock_converse",
                input_cost_per_token=input_, output_cost_per_token=output)


report, text = compare(litellm(**{
    "global.anthropic.claude-sonnet-4-6": bedrock(
        3e-06, 1.5e-05, cache_read_input_token_cost=3e-07,
        cache_creation_input_token_cost=3.75e-06,
        cache_creation_input_token_cost_above_1hr=6e-06,
        max_input_tokens=1000000, max_output_tokens=64000),
    "us.anthropic.claude-sonnet-4-6": bedrock(3.3e-06, 1.65e-05),
    "anthropic.claude-sonnet-4-6": bedrock(3.3e-06, 1.65e-05),
    "us-gov.anthropic.claude-opus-4-8": bedrock(6e-06, 3e-05),
    "bedrock/us-gov-west-1/anthropic.claude-opus-4-8": bedrock(6e-06, 3e-05),
    "amazon.nova-micro-v1:0": bedrock(3.5e-08, 1.4e-07,
                                      cache_read_input_token_cost=8.75e-09),
    "amazon.titan-embed-text-v2:0": bedrock(2e-08, 0.0),
    "openai.gpt-oss-20b-1:0": bedrock(7e-08, 3e-07,
                                      input_cost_per_token_flex=3.5e-08,
                                      output_cost_per_token_priority=5.25e-07),
    "claude-opus-4-5": {"litellm_provider": "anthropic",
                        "input_cost_per_token": 5e-06,
                        "output_cost_per_token": 2.5e-05},
    "gpt-6.1-sol": {"litellm_provider": "openai",
                    "input_cost_per_token": 2e-06,
                    "output_cost_per_token": 1e-05,
                    "input_cost_per_token_above_272k_tokens": 4e-06,
                    "output_cost_per_token_above_272k_tokens": 1.5e-05},
    "vertex_ai/claude-opus-4-5": {"litellm_provider": "vertex_ai",
                                  "input_cost_per_token": 1},
    "bedrock/us-east-1/1-month-commitment/anthropic.claude-v1":
        {"litellm_provider": "bedrock", "input_cost_per_second": 1},
}))
ok(report.different == 0 and not report.unknown and report.compared == 29,
   "LiteLLM: equal prices by every route, tier and length are equal", text)

report, text = compare(litellm(**{
    "us.anthropic.claude-sonnet-4-6": bedrock(3e-06, 1.65e-05),
    "us-gov.amazon.nova-lite-v1:0": bedrock(7e-08, 2.4e-07),
    "gpt-6.1-sol": {"litellm_provider": "openai",
                    "output_cost_per_token_above_200k_tokens": 1.5e-05},
    "amazon.nova-pro-v1:0": bedrock(8e-07, 3.2e-06, max_input_tokens=1),
    "xai.grok-4.7": bedrock(1e-06, 1e-06),
}))
ok("us.anthropic.claude-sonnet-4-6: input: table 3.3, list 3\n" in text,
   "LiteLLM: a price that differs", text)
ok("us-gov.amazon.nova-lite-v1:0: input: table none, list 0.07" in text,
   "LiteLLM: a price that the table does not have", text)
ok("long context over: table 272000, list 200000" in text,
   "LiteLLM: another threshold", text)
ok("max_input_tokens: table 300000, list 1\n" in text,
   "LiteLLM: another limit", text)
ok(report.unknown == {"xai.grok-4.7"}, "LiteLLM: a model without a row", text)
ok(report.different == 5, "LiteLLM: nothing else", text)


def aws(*rows):
    products, terms = {}, {}
    for n, (model, kind, unit, usd, region, more) in enumerate(rows):
        sku = f"SKU{n}"
        products[sku] = {"attributes": dict(
            more, model=model, inferenceType=kind, regionCode=region,
            servicecode="AmazonBedrock")}
        terms[sku] = {f"{sku}.X": {"priceDimensions": {f"{sku}.X.Y": {
            "unit": unit, "pricePerUnit": {"USD": usd}}}}}
    return {"offerCode": "AmazonBedrock", "products": products,
            "terms": {"OnDemand": terms}}


report, text = compare(aws(
    ("Nova Lite", "Input tokens", "1K tokens", "0.00006", "us-east-1", {}),
    ("Nova Lite", "Prompt cache read input tokens", "1K tokens", "0.000015",
     "us-east-1", {}),
    ("Nova Pro", "Output tokens", "1K tokens", "0.0016", "us-east-1",
     {"feature": "Batch Inference"}),
    ("Llama 3.3 Instruct (70B)", "Input tokens", "1K tokens", "0.00072",
     "us-west-2", {}),
    ("Claude Sonnet 4.5", "Output tokens", "1M tokens", "16.5", "eu-west-1",
     {}),
    ("gpt-oss-120b", "Input tokens flex", "1K tokens", "0.000075",
     "us-east-1", {}),
    ("Nova Lite", "Input Image", "image", "0.1", "us-east-1", {}),
    ("Nova Lite", "Provisioned Throughput", "hour", "20", "us-east-1", {}),
))
ok(report.different == 0 and not report.unknown and report.compared == 6,
   "AWS: equal prices are equal", text)

report, text = compare(aws(
    ("Nova Lite", "Input tokens", "1K tokens", "0.00007", "us-east-1", {}),
    ("Some New Model", "Input tokens", "1K tokens", "1", "us-east-1", {}),
))
ok("Nova Lite (amazon.nova-lite-v1:0): input, us-east-1: table 0.06, "
   "list 0.07" in text, "AWS: a price that differs", text)
ok(report.unknown == {"Some New Model"}, "AWS: a model without a row", text)

try:
    compare({"something": "else"})
    ok(False, "another file is refused")
except prices_check.Unusable as e:
    ok("neither LiteLLM's list nor AWS's" in str(e),
       "another file is refused")

ok(prices_check.main(["x", PRICES, "/nonexistent"]) == 2,
   "a file that is not there: status 2")

print(f"1..{number}")
sys.exit(bad != 0)
