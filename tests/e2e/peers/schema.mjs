// Validates documents against a JSON Schema (draft 2020-12) with ajv.
//
// stdin: { "schema": ..., "documents": [...] }; stdout: one line { "ok": true, "errors": [[text, ...], ...] }, a list for each document.
import Ajv from 'ajv/dist/2020.js';

let input = '';
for await (const chunk of process.stdin) input += chunk;
const { schema, documents } = JSON.parse(input);
const validate = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, strictRequired: false }).compile(schema);
const errors = documents.map((document) =>
    validate(document) ? [] : validate.errors.map((error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`),
);
console.log(JSON.stringify({ ok: true, errors }));
