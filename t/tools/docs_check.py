#!/usr/bin/env python3
"""README and examples against the code.  TAP.

Every directive, variable, setting, metric, span attribute, skip reason and
make target of the code is named in README.md, and README.md names none that
is not there, nor calls unsupported what is; its links lead somewhere.  Every
file of conf.examples passes "nginx -t"; the repository names no path of the
machine that it was made on.
"""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
N = [0, 0]


def ok(good, name, why=""):
    N[0] += 1
    N[1] += not good
    print("%sok %d - %s" % ("" if good else "not ", N[0], name))
    if not good and why:
        for line in str(why).splitlines()[:20]:
            print("#   " + line)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def names():
    module = read("src/nginx/ngx_http_genai_module.c")
    directives = set(re.findall(r'{ ngx_string\("(genai[a-z_]*)"\),\s*\n',
                                module))
    variables = set(re.findall(
        r'var_\w+\("(genai_\w+)"', read("src/nginx/ngx_http_genai_variables.c")))
    settings = set(re.findall(
        r'sink_key\("(\w+)"', read("src/nginx/ngx_http_genai_conf_exporter.c")))
    return directives, variables, settings


def families():
    text = "".join(read(p) for p in
                   glob.glob("src/lib/genai_metrics*.c", root_dir=ROOT)
                   + glob.glob("src/nginx/ngx_http_genai*_status.c",
                               root_dir=ROOT))
    found = set(re.findall(r'"(genai_[a-z_]+|gen_ai[a-z_.]+)"', text))
    found |= {"genai_export_" + w for w in re.findall(
        r'word\("([a-z_]+)"', text)}
    return {f for f in found if not f.endswith("_")}


def attributes():
    text = "".join(read(p) for p in
                   glob.glob("src/export/genai_span*.c", root_dir=ROOT))
    found = set(re.findall(r'"([a-z]\w*(?:\.\w+)+)\.?"', text))
    plain = set(re.findall(r'put\(\w+, x, "(\w+)"', text))
    return plain | {f for f in found if not f.endswith((".h", ".c"))}



def words(path, array):
    """the texts of an array of names, the empty one left out"""
    body = re.search(r"\b%s\[[^\]]*\] = \{(.*?)\n\};" % array, read(path),
                     re.S)
    return set(re.findall(r'"(\w+)"', body.group(1)))


def documented(readme, group, wanted, form="`%s`"):
    missing = sorted(w for w in wanted
                     if not re.search(r"(?<![\w.])%s(?![\w.]*\w)"
                                      % re.escape(w), readme))
    ok(wanted and not missing, "README names every %s (%d)"
       % (group, len(wanted)), "missing: " + ", ".join(missing))


def types(readme):
    """a name's unit and type in README's tables are those of the code"""
    letter = {"STR": "s", "I64": "i", "U32": "i", "U16": "i", "U8": "i",
              "F64": "d", "str": "s", "int": "i", "double": "d", "bool": "b",
              "list": "s[]"}
    span = read("src/export/genai_span.c")
    wrong = []

    for key, kind in (re.findall(r'\brow\("([\w.]+)", ROW_(\w+)', span)
                      + [(k, f) for f, k in re.findall(
                          r'put\(genai_span_(\w+), x, "([\w.]+)"', span)]):
        cell = re.search(r"^\|[^|\n]*`%s`[^|\n]*\| ([^|\n]+) \|"
                         % re.escape(key), readme, re.M)
        if cell and letter[kind] not in re.split(r", ", cell.group(1)):
            wrong.append("%s: %s" % (key, letter[kind]))

    ok(not wrong, "README's types of attributes are the code's",
       "\n".join(wrong))

    wrong = []
    units = {"s": ", s |", "{token}": ", tokens |", "{USD}": ", USD |"}
    found = re.findall(r'\{ \{ "(\w+)",\s*"([\w.]+)",\s*"([^"]+)",.*?'
                       r"\b(COUNTER|HIST) \}",
                       read("src/lib/genai_metrics_families.c"), re.S)

    for name, otlp, unit, kind in found:
        kind = {"HIST": "histogram", "COUNTER": "counter"}[kind]
        row = re.search(r"^\| `%s` \| `%s` \| %s\b.*$"
                        % (name, re.escape(otlp), kind), readme, re.M)
        if not row or units.get(unit, "|") not in row.group(0):
            wrong.append("%s, %s: %s, %s" % (name, otlp, kind, unit))

    ok(found and not wrong, "README's types and units of metrics are the "
       "code's (%d)" % len(found), "\n".join(wrong))


def undocumented(readme, directives, variables):
    """names in README that the code has not got"""
    known = directives | variables
    families_ = families()
    claimed = set(re.findall(r"^\| `(genai\w*)", readme, re.M))
    wrong = {c for c in claimed if c not in known
             and not any(f.startswith(c) for f in families_)
             and c + "_total" not in families_}
    ok(not wrong, "README's tables name nothing that is not there", wrong)
    vars_ = set(re.findall(r"\$(genai_\w+)", readme))
    ok(not (vars_ - variables), "README shows no variable that is not there",
       vars_ - variables)


def unsupported(readme, directives):
    """what README calls unsupported must not have come in the meantime"""
    tail = readme.partition("not supported yet")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", tail))
    there = directives | words("src/nginx/ngx_http_genai_conf.c",
                               "ngx_http_genai_apis")
    sinks = set(re.findall(r'\.type = "(\w+)"', "".join(
        read(p) for p in glob.glob("src/export/genai_sink*.c",
                                   root_dir=ROOT))))
    there = (there | sinks) - {"genai"}
    ok(not (named & there), "README calls nothing unsupported that is there",
       ", ".join(sorted(named & there)))

    syntax = readme.partition("**genai** `off`")[2].partition("\n")[0]
    missing = sorted(a for a in words("src/nginx/ngx_http_genai_conf.c",
                                      "ngx_http_genai_apis") - {"off"}
                     if "`%s`" % a not in syntax)
    ok(syntax and not missing, "README shows every value of genai",
       ", ".join(missing))


def slug(heading):
    text = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return text.replace(" ", "-")


def form(path):
    text = read(path)
    plain = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    wide = [str(n) for n, line in enumerate(text.splitlines(), 1)
            if len(line) > 160 and not line.startswith("|")]
    ok(not wide, "%s has no line over 160 columns, tables aside" % path,
       "lines " + ", ".join(wide))

    anchors = {slug(h) for h in re.findall(r"^#+ (.*)$", plain, re.M)}
    here = os.path.dirname(os.path.join(ROOT, path))
    dead = [t for t in re.findall(r"\]\(([^)\s]+)\)", plain)
            if not (t.startswith(("http://", "https://"))
                    or (t[1:] in anchors if t[0] == "#" else
                        os.path.exists(os.path.join(here, t))))]
    ok(not dead, "%s: every link leads somewhere" % path, ", ".join(dead))

    files = set(re.findall(r"`((?:conf\.examples|t|src|docker)/[\w./-]+)`",
                           plain))
    gone = sorted(f for f in files
                  if not os.path.exists(os.path.join(ROOT, f)))
    ok(not gone, "%s names no file that is not there" % path,
       ", ".join(gone))


def headings(readme, directives):
    """each directive has its own section, with syntax, default, context"""
    told = set(re.findall(r"^\| Syntax \| (.*)$", readme, re.M))
    told = set(re.findall(r"\*\*(genai\w*)\*\*", " ".join(told)))
    ok(told == directives, "every directive has its syntax, and no other",
       ", ".join(sorted(told ^ directives)))


def passes(name, text):
    """ok() when nginx -t takes a configuration, and has no warning"""
    so = os.environ.get("GENAI_MODULE") or os.path.join(
        ROOT, "build/nginx/ngx_http_genai_module.so")
    binary = os.environ.get("TEST_NGINX_BINARY", "/usr/sbin/nginx")

    with tempfile.TemporaryDirectory() as d:
        text = re.sub(r"load_module\s+\S+;", "load_module %s;" % so, text)
        text = text.replace("/var/log/nginx/", d + "/")
        # no name can be looked up here
        text = re.sub(r"server(\s+)[a-z0-9.-]+\.amazonaws\.com:443",
                      r"server\g<1>127.0.0.1:443", text)
        text = "pid %s/nginx.pid;\n%s" % (d, text)
        text = re.sub(r"(http \{)", r"\1\n client_body_temp_path %s/b; "
                      "proxy_temp_path %s/p; fastcgi_temp_path %s/f; "
                      "uwsgi_temp_path %s/u; scgi_temp_path %s/s;"
                      % (d, d, d, d, d), text, count=1)
        if "genai_prices" not in text:
            text = re.sub(r"(http \{)", r"\1\n genai_prices %s;"
                          % os.path.join(ROOT, "conf.examples/prices.json"),
                          text, count=1)
        text = re.sub(r"genai_queue(\s+)(\S+?)([ ;])",
                      r"genai_queue\1\2 path=%s/spool\3" % d, text, count=1)
        conf = os.path.join(d, "nginx.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text)
        done = subprocess.run([binary, "-t", "-p", d, "-c", conf,
                               "-e", d + "/error.log"],
                              capture_output=True, text=True)
        warned = [line for line in done.stderr.splitlines()
                  if "[warn]" in line and "user" not in line]
        ok(done.returncode == 0 and not warned,
           "%s passes nginx -t without a warning" % name, done.stderr)


def whole(text):
    """a configuration around some of its lines; "…" stands for the rest"""
    at = re.search(r"^\s*location", text, re.M)
    outer, inner = (text[:at.start()], text[at.start():]) if at else (text, "")

    if not inner:
        for zone in re.findall(r"zone=(\w+):", outer):
            inner += ("location / { genai bedrock; genai_budget zone=%s; … }"
                      % zone)

    inner = inner.replace("…", "proxy_pass http://127.0.0.1:1;")

    return ("load_module x;\nevents { }\nhttp {\n genai_queue 16m;\n"
            " client_max_body_size 25m; proxy_read_timeout 300s;\n%s\n"
            " server { listen 127.0.0.1:1;\n%s } }\n" % (outer, inner))


def examples(readme):
    for path in sorted(glob.glob("conf.examples/*.conf")):
        passes(os.path.basename(path), read(path))

    shown = re.findall(r"^```nginx\n(.*?)^```", readme, re.M | re.S)
    for n, text in enumerate(shown, 1):
        passes("README's configuration %d" % n,
               text if "http {" in text else whole(text))

    shown = re.findall(r"^```json\n(.*?)^```", readme, re.M | re.S)
    for n, text in enumerate(shown, 1):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            f.write(text)
            f.flush()
            passes("README's price table %d" % n,
                   "load_module x;\nevents { }\nhttp {\n genai_prices %s;\n"
                   " genai_queue 16m;\n server { listen 127.0.0.1:1;\n"
                   "  location / { genai_status; } } }\n" % f.name)


def main():
    os.chdir(ROOT)
    readme = read("README.md") if os.path.exists("README.md") else ""
    directives, variables, settings = names()

    documented(readme, "directive", directives)
    documented(readme, "variable", {"$" + v for v in variables})
    documented(readme, "setting of an exporter", settings)
    documented(readme, "metric", families())
    documented(readme, "span attribute", attributes())
    documented(readme, "reason of $genai_skip_reason",
               words("src/lib/genai_call.c", "genai_skip_names"))
    documented(readme, "source of usage",
               words("src/lib/genai_call.c", "genai_source_names"))
    undocumented(readme, directives, variables)
    types(readme)
    headings(readme, directives)
    unsupported(readme, directives)

    for path in ["README.md"] + sorted(
            glob.glob("conf.examples/**/*.md", root_dir=ROOT,
                      recursive=True)):
        form(path)

    targets = set(re.findall(r"^([a-z][a-z-]+):", read("Makefile"), re.M))
    wanted = {"make " + t for t in targets
              if t in ("demo", "test", "test-full", "test-asan", "build",
                       "bench", "bench-instructions", "lint", "fuzz",
                       "install")}
    documented(readme, "make target", wanted)

    json.loads(read("conf.examples/prices.json"))
    examples(readme)

    done = subprocess.run(["t/tools/api_tables.py", "--check", "README.md"],
                          capture_output=True, text=True)
    ok(done.returncode == 0, "README's table of bodies is that of the code",
       done.stdout + done.stderr)

    # of the whole checkout, whatever directory it is in
    done = subprocess.run(["git", "grep", "-nF", os.path.dirname(ROOT) + "/",
                           "--", "."], capture_output=True, text=True)
    ok(done.stdout == "" or os.path.dirname(ROOT) in ("/", "/tmp"),
       "no path of this machine in the repository", done.stdout)

    print("1..%d" % N[0])
    sys.exit(1 if N[1] else 0)


if __name__ == "__main__":
    main()
