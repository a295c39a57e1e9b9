"""JSON files as people send them."""

import codecs
import gzip

from tests.integration.bad_input.case import loaded, rejected

JSON = [
    loaded(
        "docs_nested.jsonl",
        '{"id": 1, "name": "Ann", "tags": {"a": [1, {"b": null}]}}\n{"id": 2}\n',
        (1, "Ann", '{"a":[1,{"b":null}]}'),
        (2, None, None),
    ),
    loaded("docs_turned.json", '{"name": "Bob", "id": 3}\n\n', (3, "Bob", None)),
    loaded("docs_folded.jsonl", '{"ID": 4, "Name": "Cy"}\n', (4, "Cy", None)),
    loaded("docs_zipped.jsonl.gz", gzip.compress(b'{"id": 5}\n'), (5, None, None)),
    loaded("docs_unicode.jsonl", '{"id": 6, "name": "\\u00e9\\n日"}\n', (6, "é\n日", None)),
    loaded("docs_texts.jsonl", '{"id": 7, "tags": "x"}\n{"id": 8, "tags": "2024-01-31"}\n',
           (7, None, '"x"'), (8, None, '"2024-01-31"')),
    loaded("docs_numbers.jsonl", '{"id": 9, "tags": 5}\n', (9, None, "5")),
    loaded("docs_truths.jsonl", '{"id": 20, "tags": true}\n', (20, None, "true")),
    rejected("docs_broken.jsonl", '{"id": 10}\n{"id": \n', "FormatError", "line 2"),
    rejected("docs_scalar.jsonl", '{"id": 11}\n12\n', "FormatError", "line 2 is no JSON object"),
    rejected("docs_array.json", '[{"id": 13}]', "FormatError", "one object a line"),
    rejected("docs_twice.jsonl", '{"id": 14, "id": 15}\n', "HeaderError", "same key twice"),
    rejected("docs_nan.jsonl", '{"id": 16, "name": NaN}\n', "FormatError", "line 1"),
    rejected("docs_no_key.jsonl", '{"name": "Ann"}\n', "KeyColumnError", "upsert key id"),
    rejected("docs_null_key.jsonl", '{"id": 17}\n{"id": null}\n', "KeyColumnError", "1 row(s)"),
    rejected("docs_text_key.jsonl", '{"id": "x"}\n', "TypeChangeError", "column id"),
    rejected("docs_bom.jsonl", codecs.BOM_UTF8 + b'{"id": 18}\n', "EncodingError", "mark"),
    rejected("docs_empty.jsonl", "{}\n", "FormatError", "no JSON object with a key"),
]  # fmt: skip
