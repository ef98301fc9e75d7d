// The API browser: Swagger UI over the deployment's own document. Its dialog "Authorize" takes a user and password, the
// user `_api_key` and a key, or an access token; nothing of it is stored.
"use strict";

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

/** What Swagger UI's markup lacks for those who do not see it or use no mouse. */
function accessible({ React: { createElement, Fragment } }) {
  const after = (element, text) => (Original) => (props) =>
    createElement(Fragment, null, createElement(element, { className: "unseen" }, text), createElement(Original, props));
  const within = (label) => (Original) => (props) =>
    createElement("section", { "aria-label": label }, createElement(Original, props));
  const credentials = after("h2", "Credentials");
  return {
    components: {
      // A link within a button cannot be reached; opening the button puts the same into the address.
      DeepLink: ({ text }) => createElement("span", null, text),
    },
    wrapComponents: {
      // Only the operations stand in a landmark, and headings go from the first level to the third.
      InfoContainer: within("About the API"),
      authorizeBtn: (Original) => within("Credentials")(credentials(Original)),
      FilterContainer: within("Filter"),
      operations: after("h2", "Operations"),
      // The table of answers is a landmark of its own, without a name.
      responses: (Original) => (props) => {
        const name = (node) => node?.querySelector("[role=region]")?.setAttribute("aria-label", `Responses of ${props.method} ${props.path}`);
        return createElement("div", { ref: name }, createElement(Original, props));
      },
      TextArea: (Original) => (props) => createElement(Original, { "aria-label": "Body of the request", ...props }),
      CloseIcon: after("span", "Close"),
      // What a button is called must be what it shows.
      Button: (Original) => (props) =>
        createElement(Original, typeof props.children === "string" ? { ...props, "aria-label": undefined } : props),
    },
  };
}

/** The document without its servers, so that the one it comes from is called: these pages may call no other, and there is
    nothing to choose from. */
async function documentOfThisOrigin() {
  const { servers, ...document } = await (await fetch("/v2/openapi.json")).json();
  return document;
}

documentOfThisOrigin().then((spec) => window.SwaggerUIBundle({
  spec,
  domNode: document.getElementById("api"),
  plugins: [accessible],
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  persistAuthorization: false,
  syntaxHighlight: { activated: true, theme: "tomorrow-night" },
  tryItOutEnabled: true,
  validatorUrl: null,
  // A challenge of the server would make the browser ask for credentials itself.
  requestInterceptor: (request) => {
    request.headers["X-Requested-With"] = "kedge-console";
    return request;
  },
}), () => {
  document.getElementById("api").firstChild.textContent = "The document could not be loaded. Load the page again.";
});
