// Reads an OpenAPI 3.1 document: operations by tag, types in a few words, bodies by example. Pure.

/** @typedef {Record<string, any>} Schemas */
/** @typedef {{ id: string, method: string, path: string, summary: string, isSignedIn: boolean, parameters: any[],
 *   body: any, responses: { status: string, text: string, schema: any }[] }} Operation */

const METHODS = ["get", "post", "put", "patch", "delete"];

/** Operations by their first tag, those whose words contain what is wanted.
 * @param {any} document @param {string} wanted @returns {[string, Operation[]][]} */
export function operationsOf(document, wanted = "") {
  /** @type {Map<string, Operation[]>} */
  const groups = new Map();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of METHODS.filter((name) => name in methods)) {
      const raw = methods[method];
      const words = `${method} ${path} ${raw.summary} ${raw.operationId}`.toLowerCase();
      if (!words.includes(wanted.trim().toLowerCase())) continue;
      const tag = raw.tags?.[0] ?? "other";
      groups.set(tag, [...(groups.get(tag) ?? []), operationOf(raw, method.toUpperCase(), path)]);
    }
  }
  return [...groups];
}

/** @param {any} raw @param {string} method @param {string} path @returns {Operation} */
function operationOf(raw, method, path) {
  return {
    id: raw.operationId,
    method,
    path,
    summary: raw.summary ?? "",
    isSignedIn: !(raw.security ?? [{}]).some(
      (/** @type {object} */ way) => !Object.keys(way).length,
    ),
    parameters: raw.parameters ?? [],
    body: schemaIn(raw.requestBody),
    responses: Object.entries(raw.responses).map(([status, response]) => ({
      status,
      text: response.description,
      schema: schemaIn(response),
    })),
  };
}

/** @param {any} holder */
const schemaIn = (holder) =>
  /** @type {any} */ (Object.values(holder?.content ?? {})[0])?.schema ?? null;

/** A type in a few words: "list of Money", "string or null", "1 to 8".
 * @param {any} schema @returns {string} */
export function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return either.map(typeOf).join(" or ");
  if (schema.enum)
    return schema.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(", ");
  if (schema.type === "array")
    return `list of ${typeOf(schema.items ?? {})}${counted(schema.minItems, schema.maxItems)}`;
  const name = schema.format ?? schema.type ?? "anything";
  return `${name}${counted(schema.minimum ?? schema.minLength, schema.maximum ?? schema.maxLength)}`;
}

/** @param {number | undefined} least @param {number | undefined} most */
function counted(least, most) {
  if (least === undefined && most === undefined) return "";
  if (most === undefined) return `, from ${least}`;
  return `, ${least === undefined ? "up" : least} to ${most}`;
}

/** What a valid body may look like; optional fields are left out.
 * @param {any} schema @param {Schemas} schemas @param {number} [depth] @returns {any} */
export function exampleOf(schema, schemas, depth = 0) {
  if (schema.$ref)
    return exampleOf(schemas[schema.$ref.split("/").pop()] ?? {}, schemas, depth + 1);
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  if (schema.enum) return schema.enum[0];
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return exampleOf(either[0], schemas, depth);
  if (schema.properties) {
    const shown = schema.required ?? Object.keys(schema.properties);
    return Object.fromEntries(
      shown.map((/** @type {string} */ name) => [
        name,
        depth > 4 ? null : exampleOf(schema.properties[name], schemas, depth + 1),
      ]),
    );
  }
  if (schema.type === "array") return [exampleOf(schema.items ?? {}, schemas, depth + 1)];
  if (schema.type === "integer" || schema.type === "number") return schema.minimum ?? 1;
  if (schema.type === "boolean") return true;
  return schema.format === "date-time" ? "2026-12-24T08:00:00+01:00" : "…";
}
