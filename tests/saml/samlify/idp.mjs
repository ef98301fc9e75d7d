// A second identity provider for the tests, independent of the first: samlify's. It signs by xml-crypto, encrypts by
// xml-encryption, and signs in whoever comes, without a password. Only this machine reaches it.
//
//     node tests/saml/samlify/idp.mjs --sp-metadata URL [--user alice] [--attribute NAME=VALUE]... [--port 8230]
//       [--sign response|assertion|both] [--signature ALGORITHM] [--encrypt ALGORITHM] [--key-transport ALGORITHM]
//       [--want-signed-requests]
//
// samlify is looked for beside this file, or below the directory SAMLIFY_MODULES. `openssl` makes the key.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const modules = process.env.SAMLIFY_MODULES;
const samlify = createRequire(modules ? join(modules, 'package.json') : import.meta.url)('samlify');

const { values: options } = parseArgs({
  options: {
    'sp-metadata': { type: 'string' },
    user: { type: 'string', default: 'alice' },
    attribute: { type: 'string', multiple: true, default: [] },
    port: { type: 'string', default: '8230' },
    sign: { type: 'string', default: 'both' },
    signature: { type: 'string', default: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256' },
    // samlify's own list has no aes256-gcm; what it calls to encrypt does have it.
    encrypt: { type: 'string' },
    'key-transport': { type: 'string', default: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p' },
    'want-signed-requests': { type: 'boolean', default: false },
  },
});

// samlify wants a program that validates against the schema, and ships none. What comes in is Kedge's, which is the one
// under test: what is wrong with it shows in the sign-in.
samlify.setSchemaValidator({ validate: async () => 'not validated' });

function makeKey() {
  const directory = mkdtempSync(join(tmpdir(), 'kedge-samlify.'));
  try {
    const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => join(directory, name));
    const subject = ['-subj', '/CN=identity provider for tests', '-days', '30'];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...subject];
    execFileSync('openssl', request, { stdio: ['ignore', 'ignore', 'pipe'] });
    return { privateKey: readFileSync(key, 'utf8'), signingCert: readFileSync(certificate, 'utf8') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

// Of each attribute, its name and its values; samlify's own template knows one value of each.
const attributes = new Map();
for (const pair of options.attribute) {
  const [, name, value] = pair.match(/^([^=]+)=(.*)$/s);
  attributes.set(name, [...(attributes.get(name) ?? []), value]);
}

const NAMES = { samlp: 'urn:oasis:names:tc:SAML:2.0:protocol', saml: 'urn:oasis:names:tc:SAML:2.0:assertion' };
const [SAMLP, SAML] = Object.entries(NAMES).map(([prefix, name]) => `xmlns:${prefix}="${name}"`);

function attributeStatement() {
  const value = (place) => `<saml:AttributeValue>{${place}}</saml:AttributeValue>`;
  const attribute = ([, texts], a) =>
    `<saml:Attribute Name="{Name${a}}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic">` +
    `${texts.map((_, v) => value(`Value${a}x${v}`)).join('')}</saml:Attribute>`;
  const list = [...attributes].map(attribute).join('');
  return list && `<saml:AttributeStatement>${list}</saml:AttributeStatement>`;
}

function attributeValues() {
  return [...attributes].flatMap(([name, texts], a) => [
    [`Name${a}`, name],
    ...texts.map((text, v) => [`Value${a}x${v}`, text]),
  ]);
}

const template = [
  `<samlp:Response ${SAMLP} ${SAML} ID="{ID}" Version="2.0" IssueInstant="{Now}" Destination="{Acs}"`,
  ' InResponseTo="{InResponseTo}"><saml:Issuer>{Issuer}</saml:Issuer>',
  '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>',
  // The name is bound here once more, so that the assertion is whole when it is decrypted.
  `<saml:Assertion ${SAML} ID="{AssertionID}" Version="2.0" IssueInstant="{Now}">`,
  '<saml:Issuer>{Issuer}</saml:Issuer><saml:Subject>',
  '<saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified">{User}</saml:NameID>',
  '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">',
  '<saml:SubjectConfirmationData NotOnOrAfter="{End}" Recipient="{Acs}" InResponseTo="{InResponseTo}"/>',
  '</saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{Now}" NotOnOrAfter="{End}">',
  '<saml:AudienceRestriction><saml:Audience>{Audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>',
  '<saml:AuthnStatement AuthnInstant="{Now}" SessionIndex="{AssertionID}"><saml:AuthnContext>',
  '<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml:AuthnContextClassRef>',
  `</saml:AuthnContext></saml:AuthnStatement>${attributeStatement()}</saml:Assertion></samlp:Response>`,
].join('');

async function serviceProvider() {
  const answer = await fetch(options['sp-metadata']);
  if (!answer.ok) throw new Error(`${options['sp-metadata']}: ${answer.status}`);
  const metadata = await answer.text();
  const sp = samlify.ServiceProvider({ metadata, wantMessageSigned: options.sign !== 'assertion' });
  // Kedge's metadata says what Kedge wants; here the option decides, also against it.
  sp.entityMeta.isWantAssertionsSigned = () => options.sign !== 'response';
  return sp;
}

function identityProvider(url) {
  return samlify.IdentityProvider({
    entityID: `${url}/metadata`,
    ...makeKey(),
    singleSignOnService: [{ Binding: samlify.Constants.namespace.binding.redirect, Location: `${url}/sso` }],
    wantAuthnRequestsSigned: options['want-signed-requests'],
    requestSignatureAlgorithm: options.signature,
    isAssertionEncrypted: options.encrypt !== undefined,
    dataEncryptionAlgorithm: options.encrypt,
    keyEncryptionAlgorithm: options['key-transport'],
    loginResponseTemplate: { context: template, attributes: [] },
  });
}

// What the signature of a request by HTTP-Redirect stands under: these parameters as they came.
function signedPart(query) {
  const parameters = query.split('&');
  const one = (name) => parameters.find((parameter) => parameter.startsWith(`${name}=`));
  return ['SAMLRequest', 'RelayState', 'SigAlg'].map(one).filter(Boolean).join('&');
}

const escaped = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

async function page(idp, url) {
  const sp = await serviceProvider();
  const query = Object.fromEntries(url.searchParams);
  const request = await idp.parseLoginRequest(sp, 'redirect', { query, octetString: signedPart(url.search.slice(1)) });
  const now = new Date();
  const answer = await idp.createLoginResponse(sp, request, 'post', {}, {
    relayState: query.RelayState,
    // Otherwise samlify signs what nobody sees until it is decrypted.
    encryptThenSign: options.encrypt !== undefined,
    customTagReplacement: (context) => {
      const id = idp.entitySetting.generateID();
      const values = {
        ID: id,
        AssertionID: idp.entitySetting.generateID(),
        InResponseTo: request.extract.request.id,
        Issuer: idp.entityMeta.getEntityID(),
        Audience: sp.entityMeta.getEntityID(),
        Acs: sp.entityMeta.getAssertionConsumerService('post'),
        Now: now.toISOString(),
        End: new Date(now.getTime() + 5 * 60 * 1000).toISOString(),
        User: options.user,
        ...Object.fromEntries(attributeValues()),
      };
      return { id, context: samlify.SamlLib.replaceTagsByValue(context, values) };
    },
  });
  const fields = Object.entries({ SAMLResponse: answer.context, RelayState: answer.relayState })
    .filter(([, value]) => value)
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`);
  return (
    '<!DOCTYPE html><title>Signing in</title><body onload="document.forms[0].submit()">' +
    `<form method="post" action="${escaped(answer.entityEndpoint)}">${fields.join('')}` +
    '<noscript><input type="submit" value="Sign in"></noscript></form>'
  );
}

let idp;
const server = createServer(async (request, response) => {
  const say = (status, kind, text) => response.writeHead(status, { 'Content-Type': kind }).end(text);
  const url = new URL(request.url, 'http://127.0.0.1');
  try {
    if (url.pathname === '/metadata') say(200, 'application/samlmetadata+xml', idp.getMetadata());
    else if (url.pathname === '/sso') say(200, 'text/html; charset=utf-8', await page(idp, url));
    else say(404, 'text/plain', 'There are /metadata and /sso.\n');
  } catch (error) {
    say(400, 'text/plain; charset=utf-8', `${error.message}\n`);
  }
});
server.listen(Number(options.port), '127.0.0.1', () => {
  idp = identityProvider(`http://127.0.0.1:${server.address().port}`);
  console.log(`metadata: ${idp.entityMeta.getEntityID()}`);
});
