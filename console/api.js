// The API browser: Swagger UI over the deployment's own document. Its dialog "Authorize" takes a user and password, the
// user `_api_key` and a key, or an access token; nothing of it is stored.
"use strict";

window.ui = window.SwaggerUIBundle({
  url: "/v2/openapi.json",
  domNode: document.getElementById("api"),
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  // A challenge of the server would make the browser ask for credentials itself.
  requestInterceptor: (request) => {
    request.headers["X-Requested-With"] = "kedge-console";
    return request;
  },
});
