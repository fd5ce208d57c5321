// `/docs`: the OpenAPI document for people, drawn from the document itself; nothing is fetched from elsewhere.
import { ApiError } from "../core/api.js";
import { html, Icon, signal, useState } from "../core/dom.js";
import { mount } from "../core/shell.js";
import { t } from "../core/text.js";
import { Failure, Skeleton, toast } from "../core/ui.js";
import { exampleOf, operationsOf, typeOf } from "../docs/schema.js";

/** @typedef {import("../docs/schema.js").Operation} Operation */
/** @typedef {import("../docs/schema.js").Schemas} Schemas */

const DOCUMENT = "/openapi.json";
const EVENTS = "/asyncapi.json";
const parsed = signal(/** @type {any} */ (null));
const failure = signal(/** @type {ApiError | null} */ (null));

async function load() {
  failure.value = null;
  try {
    const response = await fetch(DOCUMENT);
    if (!response.ok) throw new Error(response.statusText);
    parsed.value = await response.json();
    // The document came after the page: go now to what the address names.
    requestAnimationFrame(() => document.getElementById(location.hash.slice(1))?.scrollIntoView());
  } catch (error) {
    failure.value = new ApiError({ status: 0, code: "offline", title: String(error) });
  }
}

function DocsPage() {
  const [wanted, want] = useState("");
  if (failure.value) return html`<${Failure} isPage error=${failure.value} retry=${load} />`;
  if (!parsed.value) return html`<${Skeleton} lines=${6} />`;
  const { info, components } = parsed.value;
  const groups = operationsOf(parsed.value, wanted);
  return html`
    <div class="docs">
      <div class="docs-side">
        <label class="visually-hidden" for="find">${t("docs.find")}</label>
        <input class="control" id="find" type="search" placeholder=${t("docs.find")} value=${wanted} onInput=${(/** @type {any} */ event) => want(event.target.value)} />
        <nav aria-label=${t("docs.contents")}>
          ${groups.map(
            ([tag, operations]) => html`<details key=${tag} open><summary>${tag}</summary>
              <ul>${operations.map((each) => html`<li key=${each.id}><a href=${`#${each.id}`}><${Verb} method=${each.method} />${each.path.replace(/^\/api\/v\d+/, "")}</a></li>`)}</ul></details>`,
          )}
        </nav>
      </div>
      <div class="docs-main">
        <h1>${info.title} ${t("docs.title")} <small>${info.version}</small></h1>
        <p class="docs-lead">${t("docs.lead")} <span lang="en">${info.description.replaceAll("`", "")}</span></p>
        <p><a href=${DOCUMENT}>${t("docs.document")}</a> · <a href=${EVENTS}>${t("docs.events")}</a></p>
        ${groups.length === 0 && html`<p>${t("docs.none")}</p>`}
        ${groups.map(
          ([
            tag,
            operations,
          ]) => html`<section key=${tag} aria-labelledby=${`tag-${tag}`}><h2 id=${`tag-${tag}`}>${tag}</h2>
            ${operations.map((each) => html`<${OperationCard} key=${each.id} operation=${each} schemas=${components.schemas} />`)}</section>`,
        )}
      </div>
    </div>`;
}

/** @param {{ method: string }} props */
const Verb = ({ method }) => html`<span class="verb" data-method=${method}>${method}</span>`;

/** @param {{ operation: Operation, schemas: Schemas }} props */
function OperationCard({ operation, schemas }) {
  const { id, method, path, summary, parameters, body, responses, isSignedIn } = operation;
  const curl = curlOf(operation, schemas);
  const copy = async () => {
    await navigator.clipboard.writeText(curl);
    toast(t("docs.copied"), { icon: "check", tone: "good", seconds: 2 });
  };
  return html`
    <article class="card operation" id=${id} aria-labelledby=${`${id}-title`}>
      <h3 id=${`${id}-title`}><${Verb} method=${method} /><code>${path}</code></h3>
      <p><bdi lang="en">${summary}</bdi>${isSignedIn && html` <span class="lock"><${Icon} name="lock" />${t("docs.signed")}</span>`}</p>
      ${
        parameters.length > 0 &&
        html`<h4>${t("docs.parameters")}</h4>
        <dl class="fields">${parameters.map(
          (each) =>
            html`<${FieldRow} key=${each.name} name=${each.name} note=${each.in} schema=${each.schema} schemas=${schemas} isRequired=${each.required} text=${each.description} />`,
        )}</dl>`
      }
      ${body && html`<h4>${t("docs.body")}</h4><${Shape} schema=${body} schemas=${schemas} />`}
      <h4>${t("docs.answers")}</h4>
      <ul class="answers">${responses.map(
        ({
          status,
          text,
          schema,
        }) => html`<li key=${status}><span class="code" data-kind=${status[0]}>${status}</span>
          ${schema && status < "300" ? html`<details><summary>${typeOf(schema)}</summary><${Shape} schema=${schema} schemas=${schemas} /></details>` : html`<span>${text.replaceAll("`", "")}</span>`}</li>`,
      )}</ul>
      <div class="curl"><div class="curl-head"><h4>${t("docs.curl")}</h4>
        <button type="button" class="button small quiet" onClick=${copy}><${Icon} name="copy" />${t("docs.copy")}</button></div>
        <pre tabindex="0"><code>${curl}</code></pre></div>
    </article>`;
}

/** @param {{ schema: any, schemas: Schemas, depth?: number }} props */
function Shape({ schema, schemas, depth = 0 }) {
  const of = schema.$ref ? schemas[schema.$ref.split("/").pop()] : schema;
  if (!of?.properties) return html`<p class="hint">${typeOf(schema)}</p>`;
  return html`
    ${of.description && depth === 0 && html`<p class="hint">${of.description.replaceAll("`", "")}</p>`}
    <dl class="fields">${Object.entries(of.properties).map(
      ([name, field]) =>
        html`<${FieldRow} key=${name} name=${name} schema=${field} schemas=${schemas} isRequired=${of.required?.includes(name)} depth=${depth} />`,
    )}</dl>`;
}

/** @param {{ name: string, schema: any, schemas: Schemas, isRequired?: boolean, note?: string, text?: string, depth?: number }} props */
function FieldRow({ name, schema, schemas, isRequired, note, text, depth = 0 }) {
  const inner = nested(schema, schemas);
  return html`
    <div><dt><code>${name}</code>${isRequired && html`<em>${t("docs.required")}</em>`}</dt>
      <dd><span>${[note, typeOf(schema)].filter(Boolean).join(" · ")}</span>${text && html`<span>${text}</span>`}
        ${inner && depth < 3 && html`<details><summary>${inner.title}</summary><${Shape} schema=${inner} schemas=${schemas} depth=${depth + 1} /></details>`}</dd></div>`;
}

/** The structure behind a field, if there is one worth opening.
 * @param {any} schema @param {Schemas} schemas */
function nested(schema, schemas) {
  const ref = [schema, schema.items, ...(schema.anyOf ?? [])].find((each) => each?.$ref);
  const found = ref && schemas[ref.$ref.split("/").pop()];
  return found?.properties ? found : null;
}

/** @param {Operation} operation @param {Schemas} schemas */
function curlOf({ method, path, parameters, body, isSignedIn }, schemas) {
  const lines = [`curl -X ${method} '${location.origin}${path}'`];
  if (isSignedIn) lines.push(`-H 'Authorization: Bearer ACCESS_TOKEN'`);
  for (const each of parameters)
    if (each.in === "header" && each.required)
      lines.push(`-H '${each.name}: ${crypto.randomUUID()}'`);
  if (body) {
    lines.push(`-H 'Content-Type: application/json'`);
    lines.push(`-d '${JSON.stringify(exampleOf(body, schemas), null, 2)}'`);
  }
  return lines.join(" \\\n  ");
}

mount(DocsPage, t("docs.title"));
load();
