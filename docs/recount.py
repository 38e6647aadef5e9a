#!/usr/bin/env python3
"""Recounts a file that Kiem published (a zip, format kiem.export/1), without Kiem.

    python3 recount.py export.zip            says what was checked; the last line is "head <hex> seq <n>"
    python3 recount.py --json *.zip          one JSON object per file: its totals and figures, and what is wrong

It needs Python 3.8 or newer and nothing else. It was written from the description below and shares no code with Kiem, so
that the two can be compared; exit code 0 means that all is as the file says, 1 that something is not.

What it does:
 1. compares the SHA-256 of every file with campaign.json;
 2. recomputes the chain of log.jsonl. Before the first entry the hash is SHA-256("kiem journal 1", a zero byte, "c:" and the
    campaign's id). After entry n it is SHA-256(hash before, n as 8 bytes with the highest first, the entry's public form),
    and the last one is the head. In the public form, whatever is not public stands as its salted SHA-256;
 3. counts the rows of ballots.csv: by idea they are its support in ideas.csv; by idea and group they are the figure in
    groups.csv. Rows without a group are of people whose group has no figure for that idea;
 4. counts in the log how many ideas were posted and how many choices were made: the tables cannot have more.

What it cannot do: show that the ballots are those of the log. Choices are not published. Whoever runs the server shows it
with `kiem verify --data`, which must end with the same head.
"""
import base64
import collections
import csv
import hashlib
import io
import json
import sys
import zipfile

LIMIT = 4 << 30  # bytes of one file, inflated


class Bad(Exception):
    """The file is not what it says."""


def read(archive, name):
    with archive.open(name) as f:
        data = f.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise Bad("%s has more than %d bytes" % (name, LIMIT))
    return data


def table(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))


class Entry:
    """Reads the public form of an entry. Numbers are LEB128: seven bits a byte, the lowest first; a byte string is its length
    and its bytes.

      version 1 | rules | at (ms) | node | batch | flags | base: epoch, number, hash[32] | number of records | records
      record: type | id[16] | actor[16] | lane | n | tag | data | number of parts | parts
      part:   kind (1 byte) | 0 | salted SHA-256 [32]
    """

    def __init__(self, data):
        self.data, self.at = data, 0
        if self.take(1) != b"\x01":
            raise Bad("an entry of another version")
        self.rules, self.time, self.node, self.batch, self.flags = (self.number() for _ in range(5))
        self.base_epoch, self.base_seq, self.base_hash = self.number(), self.number(), self.take(32)
        self.types = [self.record() for _ in range(self.number())]
        if self.at != len(data):
            raise Bad("an entry with bytes left over")

    def take(self, n):
        if self.at + n > len(self.data):
            raise Bad("an entry that ends too early")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def record(self):
        kind = self.take(self.number()).decode("utf-8")
        self.take(32)
        for _ in range(3):
            self.number()
        self.take(self.number())
        for _ in range(self.number()):
            if self.take(2)[1] != 0:
                raise Bad("a published entry holds what is not public")
            self.take(32)
        return kind


def recount_log(data, campaign):
    """The chain's hash after each entry, and how many records of each type there are."""
    chain = [hashlib.sha256(b"kiem journal 1\x00c:" + campaign.encode()).digest()]
    types = collections.Counter()
    for n, line in enumerate(data.splitlines(), 1):
        line = json.loads(line)
        public = base64.b64decode(line["entry"], validate=True)
        chain.append(hashlib.sha256(chain[-1] + n.to_bytes(8, "big") + public).digest())
        if line["seq"] != n or line["hash"] != chain[-1].hex():
            raise Bad("log.jsonl, entry %d: the hash is %s, written is %s" % (n, chain[-1].hex(), line["hash"]))
        entry = Entry(public)
        if entry.base_seq < n and n - 1 - entry.base_seq < 1024 and chain[entry.base_seq] == entry.base_hash:
            types.update(entry.types)  # an entry that rests on another history has no effect
    return chain, types


def recount(path):
    with zipfile.ZipFile(path) as archive:
        about = json.loads(read(archive, "campaign.json"))
        if about["format"] != "kiem.export/1":
            raise Bad("the format is %r" % about["format"])
        files = {name: read(archive, name) for name in about["files"]}
    for name, data in files.items():
        if hashlib.sha256(data).hexdigest() != about["files"][name]:
            raise Bad("%s was changed after it was published" % name)
    chain, types = recount_log(files["log.jsonl"], about["campaign"]["id"])
    if len(chain) - 1 != about["seq"] or chain[-1].hex() != about["head"]:
        raise Bad("the log ends with entry %d and head %s" % (len(chain) - 1, chain[-1].hex()))

    totals, figures = collections.Counter(), collections.Counter()
    for row in table(files["ballots.csv"]):
        totals[row["idea"]] += 1
        if row["group"]:
            figures[row["idea"], row["group"]] += 1
    told = {(row["idea"], row["group"]): int(row["support"]) for row in table(files["groups.csv"])}
    ideas, wrong = table(files["ideas.csv"]), []
    for row in ideas:
        if totals[row["idea"]] != int(row["support"]):
            wrong.append("idea %s has %d ballots, ideas.csv says %s" % (row["idea"], totals[row["idea"]], row["support"]))
        for group in about["campaign"]["groups"]:
            key = row["idea"], group
            if not figures[key] == told.get(key, 0) == int(row["support_" + group] or 0):
                wrong.append("idea %s, group %s: %d ballots, groups.csv says %d" % (*key, figures[key], told.get(key, 0)))
        rest = totals[row["idea"]] - sum(figures[row["idea"], group] for group in about["campaign"]["groups"])
        if told.get((row["idea"], "other"), 0) > rest:
            wrong.append("idea %s: small groups have more than the %d ballots without a group" % (row["idea"], rest))
    known = {row["idea"] for row in ideas}
    for idea in set(totals) - known | {key[0] for key in told} - known:
        wrong.append("idea %s has ballots or figures, and is not in ideas.csv" % idea)
    if len(ideas) > types["idea.post"] or sum(totals.values()) > types["support.set"]:
        wrong.append("%d ideas and %d ballots; the log has %d ideas posted and %d choices"
                     % (len(ideas), sum(totals.values()), types["idea.post"], types["support.set"]))
    counted = {row["idea"]: {"support": totals[row["idea"]], "groups": {}} for row in ideas}
    for (idea, group), n in figures.items():
        counted.get(idea, {"groups": {}})["groups"][group] = n
    return {"file": path, "head": about["head"], "seq": about["seq"], "wrong": wrong, "choices": types["support.set"], "ideas": counted}


def main(args):
    as_json = "--json" in args
    paths = [a for a in args if a != "--json"]
    if not paths or "--help" in args:
        print(__doc__)
        return 2
    failed = 0
    for path in paths:
        try:
            result = recount(path)
        except (Bad, KeyError, ValueError, UnicodeError, csv.Error, zipfile.BadZipFile, OSError, RuntimeError) as err:
            result = {"file": path, "wrong": ["%s: %s" % (type(err).__name__, err)]}
        failed += bool(result["wrong"])
        if as_json:
            print(json.dumps(result))
            continue
        for text in result["wrong"]:
            print("%s: %s" % (path, text))
        if not result["wrong"]:
            print("%s: %d ideas, %d ballots counted, %d choices in the log, %d entries in one chain"
                  % (path, len(result["ideas"]), sum(i["support"] for i in result["ideas"].values()), result["choices"], result["seq"]))
            print("head %s seq %d" % (result["head"], result["seq"]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
