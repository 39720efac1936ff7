#!/usr/bin/env python3
"""Compares prices.json with a price list that you bring, and prints what
differs.

    prices_check.py conf.examples/prices.json FILE

FILE is LiteLLM's model_prices_and_context_window.json or AWS's price list of
AmazonBedrock (index.json), told apart by their shape.  Nothing is fetched.
Exit status: 0 no difference, 1 differences, 2 not usable.
"""

import json
import re
import sys
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation

MILLION = Decimal(1000000)

FIELDS = ("input", "output", "cache_read", "cache_write", "cache_write_1h")

LITELLM = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
}

DIRECT = ("anthropic", "openai")


class Unusable(Exception):
    pass


def load(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f, parse_float=Decimal, parse_int=Decimal)
    except (OSError, ValueError) as e:
        raise Unusable(f"{path}: {e}") from e


class Table:
    """The rows of prices.json that hold now, by name."""

    def __init__(self, doc, now):
        try:
            rows = [r for r in doc["models"] if self.holds(r, now)]
            self.names = {}
            self.direct = {}
            for r in rows:
                for n in [r["id"], *r.get("aliases", [])]:
                    self.names[n] = r
                for n in r.get("direct", []):
                    self.direct[n] = r
            self.rows = rows
            self.providers = {n.split(".")[0] for n in self.names}
        except (KeyError, TypeError) as e:
            raise Unusable(f"the price table lacks {e}") from e

    @staticmethod
    def holds(row, now):
        return (row.get("effective_from", "") <= now
                and now < row.get("effective_until", "9999"))

    def find(self, model, direct):
        """-> row, prefix; as the module looks ids up"""
        if direct:
            return self.direct.get(model), "global"
        prefix = ""
        first, _, rest = model.partition(".")
        if rest and first not in self.providers:
            prefix, model = first, rest
        for _ in range(3):
            if model in self.names:
                return self.names[model], prefix
            if ":" not in model:
                break
            model = model.rpartition(":")[0]
        return None, prefix

    def price(self, row, field, prefix, region="", tier="", long=False):
        """-> USD per million tokens, None where the table has none"""
        routes = row.get("routes", {})
        if prefix:
            order = [prefix] + ([] if prefix == "global" else ["geo"])
        else:
            order = [region, "in_region"]
            if region.startswith("us-gov-"):
                order.insert(1, "us-gov")
        base, factor = row, Decimal(1)
        for name in order:
            if name in routes:
                route = routes[name]
                if route is None:
                    return None
                if "premium" in route:
                    factor += Decimal(route["premium"]) / 100
                else:
                    base = route
                break
        if tier:
            if tier not in row.get("tiers", {}):
                return None
            factor *= Decimal(row["tiers"][tier])
        if long:
            base = base.get("long_context", {})
        if field not in base:
            return None
        return Decimal(base[field]) * factor


class Report:
    def __init__(self, out):
        self.out = out
        self.compared = self.different = 0
        self.unknown = set()

    def number(self, v):
        return "none" if v is None else f"{v.normalize():f}"

    def check(self, name, what, ours, theirs):
        self.compared += 1
        if ours != theirs:
            self.different += 1
            print(f"{name}: {what}: table {self.number(ours)}, "
                  f"list {self.number(theirs)}", file=self.out)


def decimal(v):
    try:
        return Decimal(v)
    except (InvalidOperation, TypeError, ValueError):
        return None


def litellm(table, doc, report):
    for name, entry in doc.items():
        if not isinstance(entry, dict):
            continue
        provider = str(entry.get("litellm_provider", ""))
        direct = provider in DIRECT
        if not direct and not provider.startswith("bedrock"):
            continue
        region = ""
        model = name
        parts = name.split("/")
        if parts[0] in ("bedrock", "bedrock_converse", *DIRECT):
            # bedrock/us-east-1/6-month-commitment/... are not by the token
            if len(parts) > 3:
                continue
            model = parts[-1]
            region = parts[1] if len(parts) == 3 else ""
        row, prefix = table.find(model, direct)
        if row is None:
            report.unknown.add(name)
            continue
        one_litellm(table, report, name, entry, row, prefix, region)


def one_litellm(table, report, name, entry, row, prefix, region):
    def theirs(key):
        v = decimal(entry.get(key))
        return None if v is None else v * MILLION

    def ours(field, **kw):
        return table.price(row, field, prefix, region, **kw)

    for field, key in LITELLM.items():
        v = theirs(key)
        # LiteLLM writes 0 where there is nothing to pay, as for the output
        # of embeddings
        if v is None or (v == 0 and ours(field) is None):
            continue
        report.check(name, field, ours(field), v)
        for tier in ("flex", "priority"):
            t = theirs(f"{key}_{tier}")
            if t is not None:
                report.check(name, f"{field}, {tier}",
                             ours(field, tier=tier), t)

    over = row.get("long_context", {}).get("over")
    for key in entry:
        m = re.fullmatch(r"(.*)_above_(\d+)k_tokens", key)
        field = m and next((f for f, k in LITELLM.items()
                            if k == m.group(1)), None)
        if not field:
            continue
        if over != int(m.group(2)) * 1000:
            report.check(name, "long context over",
                         None if over is None else Decimal(over),
                         Decimal(m.group(2)) * 1000)
            break
        report.check(name, f"{field}, long context",
                     ours(field, long=True), theirs(key))

    for ours_key, key in (("context", "max_input_tokens"),
                          ("max_output", "max_output_tokens")):
        v = decimal(entry.get(key))
        if v is not None and ours_key in row:
            report.check(name, key, Decimal(row[ours_key]), v)


def words(text):
    """Llama 3.3 Instruct (70B), llama3-3-70b-instruct -> the same"""
    return tuple(sorted(re.findall(r"[a-z]+|\d+", text.lower())))


def by_name(table):
    names = {}
    for row in table.rows:
        for name in [row["id"], *row.get("aliases", [])]:
            model = name.partition(".")[2]
            names.setdefault(words(model), row)
            plain = re.sub(r"(-\d{8})?(-v\d+)?(:\d+)?$", "", model)
            names.setdefault(words(plain), row)
            names.setdefault(words(re.sub("-instruct", "", plain)), row)
    return names


def dimension(attributes):
    """-> field, tier, of an AWS price; None: not by the token"""
    text = " ".join(str(attributes.get(k, "")) for k in
                    ("inferenceType", "feature", "usagetype")).lower()
    if re.search(r"provisioned|custom|latency|optimi[sz]ed|image|video|audio"
                 r"|speech|long.?context|above", text):
        return None
    tier = next((t for t in ("flex", "priority", "batch") if t in text), "")
    if "cache" in text:
        if "read" in text:
            return "cache_read", tier
        if "write" in text:
            hour = re.search(r"\b1.?h|one.?hour", text)
            return ("cache_write_1h" if hour else "cache_write"), tier
        return None
    if "input" in text:
        return "input", tier
    if "output" in text:
        return "output", tier
    return None


def amount(term):
    """-> USD per million tokens of an AWS on-demand term"""
    for offer in term.values():
        for d in offer.get("priceDimensions", {}).values():
            usd = decimal(d.get("pricePerUnit", {}).get("USD"))
            unit = str(d.get("unit", "")).lower()
            if usd is None or "token" not in unit:
                continue
            if "1k" in unit or "1000 " in unit or "thousand" in unit:
                return usd * 1000
            if "1m" in unit or "million" in unit:
                return usd
    return None


def aws(table, doc, report):
    names = by_name(table)
    terms = doc.get("terms", {}).get("OnDemand", {})
    for sku, product in doc.get("products", {}).items():
        a = product.get("attributes", {})
        model = a.get("model") or a.get("titanModel") or ""
        kind = dimension(a)
        v = amount(terms.get(sku, {}))
        if not model or kind is None or v is None:
            continue
        row = names.get(words(model))
        if row is None:
            report.unknown.add(model)
            continue
        field, tier = kind
        text = " ".join(map(str, a.values())).lower()
        prefix = ("global" if "global" in text
                  else "geo" if re.search("geo|cross.?region", text) else "")
        region = str(a.get("regionCode", ""))
        ours = table.price(row, field, prefix, region, tier)
        where = prefix or region or "in region"
        report.check(f"{model} ({row['id']})",
                     ", ".join(filter(None, (field, tier, where))), ours, v)


def run(prices, other, out, now=None):
    now = now or datetime.now(timezone.utc).strftime("%Y-%m-%d")
    table = Table(load(prices), now)
    doc = load(other)
    report = Report(out)
    if not isinstance(doc, dict):
        raise Unusable(f"{other}: neither LiteLLM's list nor AWS's")
    if "products" in doc and "terms" in doc:
        aws(table, doc, report)
    elif any(isinstance(v, dict) and "litellm_provider" in v
             for v in doc.values()):
        litellm(table, doc, report)
    else:
        raise Unusable(f"{other}: neither LiteLLM's list nor AWS's")
    print(f"{report.compared} prices and limits compared, "
          f"{report.different} differ, {len(report.unknown)} names in the "
          f"list are not in the table", file=out)
    return report


def main(argv):
    if len(argv) != 3:
        print("usage: make prices-check FILE=model_prices.json (LiteLLM) or "
              "index.json (AWS price list)", file=sys.stderr)
        return 2
    try:
        report = run(argv[1], argv[2], sys.stdout)
    except Unusable as e:
        print(f"prices-check: {e}", file=sys.stderr)
        return 2
    return 1 if report.different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
