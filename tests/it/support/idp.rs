//! An identity provider of a test's own: says what it is told to, signed. Real ones are in `tests/saml`.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kedge::clock::{Clock, Random};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use saml_rs::crypto;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Answer, Client, Server};

pub const ENTITY: &str = "https://idp.wonderland.test/metadata";
pub const SP: &str = "https://kedge.wonderland.test/saml";
pub const ACS: &str = "https://kedge.wonderland.test/v2/rbac-manager/saml/sso/wonderland";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// A key with its certificate.
pub struct Pair {
    pub key: String,
    pub certificate: String,
}

impl Pair {
    pub fn generate() -> Self {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap();
        Self { key: key.serialize_pem(), certificate: certificate.pem() }
    }

    /// The certificate as metadata and signatures hold it.
    pub fn base64(&self) -> String {
        self.certificate.lines().filter(|line| !line.starts_with("---")).collect()
    }
}

/// The key of the identity provider, and one that is not its.
pub static KEY: LazyLock<Pair> = LazyLock::new(Pair::generate);
pub static OTHER_KEY: LazyLock<Pair> = LazyLock::new(Pair::generate);
/// Kedge's own key.
static OWN_KEY: LazyLock<Pair> = LazyLock::new(Pair::generate);

/// The metadata of an entity that signs with these.
pub fn metadata_of(entity: &str, keys: &[&Pair]) -> String {
    let keys = keys
        .iter()
        .map(|key| {
            format!(
                "<KeyDescriptor use=\"signing\"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate>\
                 </ds:X509Data></ds:KeyInfo></KeyDescriptor>",
                key.base64()
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
         entityID=\"{entity}\"><IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"https://idp.wonderland.test/sso?tenant=1\"/></IDPSSODescriptor></EntityDescriptor>"
    )
}

pub fn metadata() -> String {
    metadata_of(ENTITY, &[&KEY])
}

/// A configuration named `wonderland`, changed as the object says.
pub fn configuration(changes: &Value) -> Value {
    let mut configuration = json!({
        "name": "wonderland",
        "enabled": true,
        "acs_url": ACS,
        "sp_entity_id": SP,
        "idp_metadata_xml": metadata(),
        "default_account": "wonderland",
    });
    for (name, value) in changes.as_object().unwrap() {
        configuration[name] = value.clone();
    }
    configuration
}

/// What is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    Both,
    Response,
    Assertion,
    Nothing,
}

/// What the provider says.
#[derive(Clone)]
pub struct Says {
    pub name_id: String,
    /// Name and value; several of one name stand beside each other.
    pub attributes: Vec<(String, String)>,
    pub issuer: String,
    pub audience: String,
    pub acs: String,
    pub in_response_to: Option<String>,
    pub now: OffsetDateTime,
    pub lives: Duration,
    pub session_lives: Option<Duration>,
    pub assertion_id: String,
    pub signs: Signs,
}

impl Says {
    /// That this user was authenticated just now, in answer to this request.
    pub fn of(name_id: &str, in_response_to: Option<&str>) -> Self {
        Self {
            name_id: name_id.to_owned(),
            attributes: Vec::new(),
            issuer: ENTITY.to_owned(),
            audience: SP.to_owned(),
            acs: ACS.to_owned(),
            in_response_to: in_response_to.map(str::to_owned),
            now: Clock::System.now(),
            lives: Duration::minutes(5),
            session_lives: None,
            assertion_id: format!("_{}", Random::System.alphanumeric(20)),
            signs: Signs::Both,
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), value.to_owned()));
        self
    }

    fn answers(&self) -> String {
        self.in_response_to.as_ref().map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default()
    }

    /// The assertion, not signed.
    pub fn assertion(&self) -> String {
        let [now, end] = [self.now, self.now + self.lives].map(moment);
        let session = self.session_lives.map(|lives| format!(" SessionNotOnOrAfter=\"{}\"", moment(self.now + lives)));
        let attributes = self
            .attributes
            .iter()
            .map(|(name, value)| {
                format!("<Attribute Name=\"{name}\"><AttributeValue>{value}</AttributeValue></Attribute>")
            })
            .collect::<Vec<_>>()
            .concat();
        let attributes = if attributes.is_empty() {
            attributes
        } else {
            format!("<AttributeStatement>{attributes}</AttributeStatement>")
        };
        format!(
            "<Assertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{now}\">\
             <Issuer>{issuer}</Issuer><Subject><NameID>{name}</NameID>\
             <SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <SubjectConfirmationData Recipient=\"{acs}\" NotOnOrAfter=\"{end}\"{answers}/></SubjectConfirmation></Subject>\
             <Conditions NotBefore=\"{now}\" NotOnOrAfter=\"{end}\"><AudienceRestriction><Audience>{audience}</Audience>\
             </AudienceRestriction></Conditions><AuthnStatement AuthnInstant=\"{now}\"{session}><AuthnContext>\
             <AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</AuthnContextClassRef>\
             </AuthnContext></AuthnStatement>{attributes}</Assertion>",
            id = self.assertion_id,
            issuer = self.issuer,
            name = self.name_id,
            acs = self.acs,
            audience = self.audience,
            answers = self.answers(),
            session = session.unwrap_or_default(),
        )
    }

    /// The response, signed as it says.
    pub fn xml(&self) -> String {
        self.xml_signed_by(&KEY)
    }

    pub fn xml_signed_by(&self, key: &Pair) -> String {
        let mut assertion = self.assertion();
        if matches!(self.signs, Signs::Both | Signs::Assertion) {
            assertion = signed(&assertion, key);
        }
        let response = format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_{id}\" Version=\"2.0\" \
             IssueInstant=\"{now}\" Destination=\"{acs}\"{answers}><Issuer xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">\
             {issuer}</Issuer><samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>\
             </samlp:Status>{assertion}</samlp:Response>",
            id = Random::System.alphanumeric(20),
            now = moment(self.now),
            acs = self.acs,
            answers = self.answers(),
            issuer = self.issuer,
        );
        if matches!(self.signs, Signs::Both | Signs::Response) { signed(&response, key) } else { response }
    }

    /// Brings the response to the server, as a client of the API.
    pub async fn to(&self, server: &Server) -> Answer {
        bring(&server.nobody(), &self.xml()).await
    }
}

/// Brings a response.
pub async fn bring(client: &Client, xml: &str) -> Answer {
    client.form("/v2/rbac-manager/saml/sso/wonderland", &[("SAMLResponse", &STANDARD.encode(xml))]).await
}

/// The document with a signature over its outermost element.
pub fn signed(xml: &str, key: &Pair) -> String {
    let private = crypto::keys::load_private_key(&key.key, None).unwrap();
    crypto::construct_saml_signature(xml, true, &private, &key.certificate, RSA_SHA256, &[], None).unwrap()
}

pub fn moment(moment: OffsetDateTime) -> String {
    moment.replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap()
}

impl Server {
    /// Adds the identity provider.
    pub async fn idp(&self, changes: Value) {
        self.own_key().await;
        self.admin().post("/v2/rbac-manager/saml/idps", configuration(&changes)).await.expect(200);
    }

    /// Stores a key of Kedge's own. To make one for each test would take longer, on a busy machine, than the request may
    /// that needs it.
    pub async fn own_key(&self) {
        let insert = "insert into service_provider_key (private_key, is_sealed, certificate, created_at)
                      values ($1, false, $2, now()) on conflict do nothing";
        let insert = sqlx::query(insert).bind(OWN_KEY.key.as_bytes()).bind(&OWN_KEY.certificate);
        insert.execute(&mut *self.app.db.connection().await.unwrap()).await.unwrap();
    }

    /// Begins a sign-in as a client of the API; answers the id of the request.
    pub async fn asked(&self) -> String {
        let url = self.nobody().get("/v2/rbac-manager/saml/login/wonderland").await.expect(200);
        request_id(url["token"].as_str().unwrap())
    }

    /// Signs in as the provider says, whoever it is; answers a client with the token.
    pub async fn sso(&self, name_id: &str) -> Client {
        let says = Says::of(name_id, Some(&self.asked().await));
        self.bearer(says.to(self).await.expect(200)["token"].as_str().unwrap())
    }
}

/// The request that a redirect carries.
pub fn request_xml(url: &str) -> String {
    let url = reqwest::Url::parse(url).unwrap();
    let (_, request) = url.query_pairs().find(|(name, _)| name == "SAMLRequest").unwrap();
    let inflated = saml_rs::binding::deflate_raw_decode(&STANDARD.decode(request.as_bytes()).unwrap()).unwrap();
    String::from_utf8(inflated).unwrap()
}

/// The id of the request that a redirect carries.
pub fn request_id(url: &str) -> String {
    let xml = request_xml(url);
    let id = xml.split(" ID=\"").nth(1).unwrap();
    id.split('"').next().unwrap().to_owned()
}
