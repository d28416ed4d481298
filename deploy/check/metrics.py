"""Whether the dashboard and the rules speak of what a node says, and hang together.

    metrics.py --names FILE [--promised FILE] --dashboard FILE... --rules FILE... --tests FILE
               --runbook FILE [--expressions FILE]

FILE of --names is a list (a name and its labels a line, as deploy/prometheus/metrics.txt) or what
a node said at /metrics. With --promised every name of that list must be among them. --expressions
gets every expression of the dashboards as a file of rules, for promtool to parse.

Says each fault in a line and ends with 1 if there was any.
"""

import argparse
import json
import re
import sys

import yaml

from links import anchors

# What Prometheus adds to every series, and the examples of configs to some.
TARGET_LABELS = {"job", "instance", "namespace", "pod", "node", "component"}
# Series that no node says.
FOREIGN = {"up": set()}
SUFFIXES = {"counter": "_total", "info": "_info"}
KEYWORDS = {"and", "or", "unless", "offset", "bool", "inf", "nan", "atan2", "start", "end"}
GROUPINGS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
# Variables of Grafana itself.
BUILT_IN = "__"

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
faults = []


def fault(where, text):
    faults.append(f"{where}: {text}")


def known_names(path):
    """Names and their labels: a set, or None where no sample tells them."""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    known = {}
    for line in lines:
        if typed := re.fullmatch(rf"# TYPE ({NAME}) (\w+)", line):
            name, kind = typed.groups()
            suffix = SUFFIXES.get(kind, "")
            known.setdefault(name if name.endswith(suffix) else name + suffix, None)
        elif sample := re.match(rf"({NAME})(?:{{(.*?)}})?(?:\s|$)", line):
            name, inside = sample.groups()
            # Both forms: name="value" and, in a list, name alone.
            labels = set(re.findall(r'([a-zA-Z_]\w*)(?:="(?:[^"\\]|\\.)*")?(?:,|$)', inside or ""))
            known[name] = labels | (known.get(name) or set())
    return known


def selectors(expression):
    """What an expression asks for: (name, labels of its matchers), and labels it groups by."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'", '""', expression)
    text = re.sub(r"#[^\n]*", "", text)
    text = re.sub(r"\[[^\]]*\]", "", text)
    grouped = set()

    def grouping(match):
        grouped.update(re.findall(r"\w+", match[2]))
        return " "

    text = re.sub(rf"\b({'|'.join(GROUPINGS)})\s*\(([^)]*)\)", grouping, text)
    text = re.sub(r"\boffset\s+\w+", " ", text)
    found = []
    for match in re.finditer(rf"(?<![\w:$.])({NAME})\s*(\(|{{[^}}]*}})?", text):
        name, after = match.groups()
        if (after or "").startswith("(") or name.lower() in KEYWORDS | GROUPINGS:
            continue
        found.append((name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", after or ""))))
    return found, grouped


def check_expression(where, expression, known):
    found, grouped = selectors(expression)
    if not found:
        fault(where, f"asks for nothing: {expression}")
    for name, labels in found:
        if name not in known:
            fault(where, f"{name} is none of our metrics")
        elif known[name] is not None:
            for label in sorted(labels - known[name] - TARGET_LABELS):
                fault(where, f"{name} has no label {label}")
    check_labels(where, grouped, known)


def check_labels(where, labels, known):
    everywhere = TARGET_LABELS.union(*(labels for labels in known.values() if labels))
    for label in sorted(set(labels) - everywhere):
        fault(where, f"no metric of ours has a label {label}")


def check_rules(paths, known, tests, runbook):
    groups = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            groups += [(path, group) for group in yaml.safe_load(file)["groups"]]
    with open(tests, encoding="utf-8") as file:
        tested = set(re.findall(r"alertname: (\w+)|\b(\w+:\w+:\w+)\b", file.read()))
    tested = {name for pair in tested for name in pair if name}
    with open(runbook, encoding="utf-8") as file:
        sections = anchors(file.read())
    every = [(path, rule) for path, group in groups for rule in group["rules"]]
    recorded = {rule["record"]: None for _, rule in every if "record" in rule}
    known = known | recorded
    for path, rule in every:
        name = rule.get("record") or rule.get("alert")
        where = f"{path}: {name}"
        check_expression(where, rule["expr"], known)
        if name not in tested and "alert" in rule:
            fault(where, f"has no test in {tests}")
        if "alert" not in rule:
            continue
        words = rule.get("annotations", {})
        for text in words.values():
            check_labels(where, re.findall(r"\$labels\.(\w+)", text), known)
        for wanted in ("summary", "description", "runbook_url"):
            if not words.get(wanted):
                fault(where, f"has no {wanted}")
        if rule.get("labels", {}).get("severity") not in ("critical", "warning"):
            fault(where, "has no severity, critical or warning")
        page, _, anchor = words.get("runbook_url", "").partition("#")
        if not page.endswith("/docs/operations.md") or anchor not in sections:
            fault(where, f"{runbook} has no section for {words.get('runbook_url')}")
    return known


def panels_of(panels):
    for panel in panels:
        yield panel
        yield from panels_of(panel.get("panels", []))


def check_dashboard(path, known):
    with open(path, encoding="utf-8") as file:
        dashboard = json.load(file)
    for wanted in ("uid", "title", "schemaVersion", "panels", "templating"):
        if wanted not in dashboard:
            fault(path, f"has no {wanted}")
            return []
    variables = dashboard["templating"]["list"]
    names = [variable["name"] for variable in variables]
    for name in {name for name in names if names.count(name) > 1}:
        fault(path, f"variable {name} twice")
    sources = {v["name"] for v in variables if v["type"] == "datasource" and v["query"] == "prometheus"}
    check_sources(path, dashboard, sources)
    used = set(re.findall(r"\$\{?([a-zA-Z_]\w*)", json.dumps(dashboard)))
    for name in sorted(used - set(names)):
        if not name.startswith(BUILT_IN):
            fault(path, f"${name} is no variable of the dashboard")
    for name in sorted(set(names) - used):
        fault(path, f"variable {name} is used nowhere")
    for variable in variables:
        if variable["type"] == "query":
            query = variable["query"]["query"]
            if not (asked := re.fullmatch(r"label_values\((.+), (\w+)\)", query)):
                fault(path, f"variable {variable['name']}: not a query of labels: {query}")
                continue
            check_expression(f"{path}: variable {variable['name']}", asked[1], known)
            check_labels(f"{path}: variable {variable['name']}", {asked[2]}, known)
    return check_panels(path, dashboard, known)


def check_sources(path, value, sources, within="dashboard"):
    """Every data source, however deep, is the variable's."""
    if isinstance(value, list):
        for item in value:
            check_sources(path, item, sources, within)
    if not isinstance(value, dict):
        return
    within = value.get("title", within)
    source = value.get("datasource")
    if source is not None:
        uid = source.get("uid", "") if isinstance(source, dict) else source
        name = re.fullmatch(r"\$\{(\w+)\}", uid)
        if not name or name[1] not in sources:
            fault(path, f"{within}: dangling data source {uid!r}")
    for item in value.values():
        check_sources(path, item, sources, within)


def check_panels(path, dashboard, known):
    expressions, seen, places = [], set(), []
    for panel in panels_of(dashboard["panels"]):
        where = f"{path}: {panel.get('title') or panel.get('id')}"
        number = panel.get("id")
        if not isinstance(number, int) or number in seen:
            fault(where, f"id {number} is missing, no number, or there already")
        seen.add(number)
        if not panel.get("title"):
            fault(where, "has no title")
        check_place(where, panel.get("gridPos"), places)
        if panel.get("type") == "row":
            continue
        targets = panel.get("targets", [])
        if not targets or "datasource" not in panel:
            fault(where, "has no query or no data source")
        letters = [target.get("refId") for target in targets]
        if len(set(letters)) < len(letters):
            fault(where, f"refIds are not unique: {letters}")
        for target in targets:
            if "datasource" not in target:
                fault(where, f"query {target.get('refId')} has no data source")
            check_expression(where, target["expr"], known)
            check_labels(where, re.findall(r"{{\s*(\w+)\s*}}", target.get("legendFormat", "")), known)
            expressions.append(target["expr"])
    return expressions


def check_place(where, place, places):
    place = place or {}
    x, y, width, height = (place.get(key) for key in "xywh")
    numbers = all(isinstance(value, int) for value in (x, y, width, height))
    if not numbers or x < 0 or y < 0 or width < 1 or height < 1 or x + width > 24:
        fault(where, f"gridPos is wrong: {place}")
        return
    for other, (left, top, wide, high) in places:
        if x < left + wide and left < x + width and y < top + high and top < y + height:
            fault(where, f"lies on top of {other}")
    places.append((where, (x, y, width, height)))


def as_rules(expressions):
    """The expressions as rules, with Grafana's variables replaced by what they could be."""
    rules = []
    for number, text in enumerate(expressions):
        text = re.sub(r"\$__(rate_interval|range|interval)", "5m", text)
        text = re.sub(r"\$\{?\w+\}?", ".*", text)
        rules.append({"record": f"dashboard:expression:{number}", "expr": text})
    return {"groups": [{"name": "dashboard", "rules": rules}]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--names", required=True)
    parser.add_argument("--promised")
    parser.add_argument("--dashboard", nargs="+", default=[])
    parser.add_argument("--rules", nargs="+", default=[])
    parser.add_argument("--tests", required=True)
    parser.add_argument("--runbook", required=True)
    parser.add_argument("--expressions")
    args = parser.parse_args()
    known = known_names(args.names)
    if not known:
        fault(args.names, "names no metric")
    if args.promised:
        for name, labels in known_names(args.promised).items():
            if name not in known:
                fault(args.names, f"does not have {name}, which {args.promised} promises")
            elif known[name] is not None and labels != known[name]:
                fault(args.names, f"{name} has labels {sorted(known[name])}, promised are {sorted(labels)}")
    known = check_rules(args.rules, known | FOREIGN, args.tests, args.runbook)
    expressions = []
    for path in args.dashboard:
        expressions += check_dashboard(path, known)
    if args.expressions:
        with open(args.expressions, "w", encoding="utf-8") as file:
            yaml.safe_dump(as_rules(expressions), file)
    for line in faults:
        print(line)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
