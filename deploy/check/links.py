"""Whether what pages link to is there: links.py ROOT PAGE..., files and headings, not the web.

Says each fault in a line and ends with 1 if there was any.
"""

import os
import re
import sys


def prose(text):
    """The page without its blocks and spans of code."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(text):
    """What can stand behind a # for this page, as GitHub makes it of its headings."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    found = {}
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", text, flags=re.MULTILINE):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
        count = found.get(anchor, -1) + 1
        found[anchor] = count
        if count:
            found[f"{anchor}-{count}"] = 0
    return set(found)


def check(root, page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(text)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if os.path.relpath(target, root).startswith(".."):
            yield f"{page}: {link} leads out of the project"
        elif not os.path.exists(target):
            yield f"{page}: there is no {link}"
        elif anchor and target.endswith(".md"):
            with open(target, encoding="utf-8") as file:
                if anchor not in anchors(file.read()):
                    yield f"{page}: {path or page} has no section #{anchor}"


if __name__ == "__main__":
    found = [line for page in sys.argv[2:] for line in check(sys.argv[1], page)]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
