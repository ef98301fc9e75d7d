//! XML as a small tree: elements with their namespaces, attributes and text, and where they stand in the source.
//!
//! Parsed by the parser that the verifier of signatures uses: two parsers that differ are how signed names become
//! others. What SAML never needs is refused: document types, processing instructions, CDATA sections and comments,
//! which have cut names in two before, by [`scan`] already; entities, and encodings other than UTF-8.

use std::ops::Range;

use uppsala::{NodeId, NodeKind, Parser, QName};

use super::{
    MESSAGE_LIMIT, Refused, Result,
    scan::{self, MAX_ATTRIBUTES},
};

/// How much of it there may be.
#[derive(Debug)]
pub struct Limits {
    pub bytes: usize,
    pub comments: bool,
}

/// A message of the protocol.
pub const MESSAGE: Limits = Limits { bytes: MESSAGE_LIMIT, comments: false };
/// The metadata of an entity, which people write comments into.
pub const METADATA: Limits = Limits { bytes: 1024 * 1024, comments: true };

const MAX_DEPTH: usize = 32;
const MAX_ELEMENTS: usize = 5_000;

/// An element.
#[derive(Debug)]
pub struct Element {
    pub namespace: String,
    pub name: String,
    attributes: Vec<Attribute>,
    pub children: Vec<Self>,
    text: String,
    /// Where it stands, in bytes.
    pub span: Range<usize>,
}

#[derive(Debug)]
struct Attribute {
    namespace: Option<String>,
    name: String,
    value: String,
}

impl Element {
    #[must_use]
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    /// The value of an attribute without a namespace.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|attribute| attribute.namespace.is_none() && attribute.name == name);
        found.map(|attribute| attribute.value.as_str())
    }

    /// The values of every attribute that anybody could take for the element's id, whatever its spelling or namespace.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let is_id = |attribute: &&Attribute| {
            attribute.name.eq_ignore_ascii_case("id") || attribute.name.eq_ignore_ascii_case("AssertionID")
        };
        self.attributes.iter().filter(is_id).map(|attribute| attribute.value.as_str())
    }

    pub fn all<'a>(&'a self, namespace: &'static str, name: &'static str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(namespace, name))
    }

    /// The one child of that name.
    ///
    /// # Errors
    /// None, or several.
    pub fn one(&self, namespace: &'static str, name: &'static str) -> Result<&Self> {
        let missing = || Refused::with(format!("{} has no {name}", self.name));
        self.at_most_one(namespace, name)?.ok_or_else(missing)
    }

    /// # Errors
    /// Several.
    pub fn at_most_one(&self, namespace: &'static str, name: &'static str) -> Result<Option<&Self>> {
        let mut found = self.all(namespace, name);
        let first = found.next();
        if found.next().is_some() {
            return Err(Refused::with(format!("{} has more than one {name}", self.name)));
        }
        Ok(first)
    }

    /// The text of an element that holds nothing else.
    ///
    /// # Errors
    /// That it holds elements.
    pub fn text(&self) -> Result<&str> {
        if self.children.is_empty() {
            return Ok(&self.text);
        }
        Err(Refused::with(format!("{} holds elements, not text", self.name)))
    }

    /// Every element in it, itself included, with those that it stands in.
    ///
    /// # Errors
    /// What `look` refuses.
    pub fn visit<'a>(&'a self, look: &mut impl FnMut(&'a Self, &[&'a Self]) -> Result<()>) -> Result<()> {
        fn go<'a>(
            element: &'a Element,
            above: &mut Vec<&'a Element>,
            look: &mut impl FnMut(&'a Element, &[&'a Element]) -> Result<()>,
        ) -> Result<()> {
            look(element, above)?;
            above.push(element);
            for child in &element.children {
                go(child, above, look)?;
            }
            above.pop();
            Ok(())
        }
        go(self, &mut Vec::new(), look)
    }
}

/// The document element.
///
/// # Errors
/// What makes it no XML, or more than may be.
pub fn parse(xml: &str, limits: &Limits) -> Result<Element> {
    if xml.len() > limits.bytes {
        return Err(Refused::because("larger than it may be"));
    }
    // No byte order mark and no space: one way to begin.
    if !xml.starts_with('<') {
        return Err(Refused::because("does not begin with an element"));
    }
    scan::may_be_parsed(xml, limits)?;
    let parser = Parser::new()
        .with_forbid_dtd(true)
        .with_forbid_entities(true)
        .with_max_depth(u32::try_from(MAX_DEPTH).unwrap_or(u32::MAX))
        .with_max_entity_expansion(0);
    let document = parser.parse(xml).map_err(|error| Refused::with(format!("not well-formed XML: {error}")))?;
    if let Some(declaration) = &document.xml_declaration {
        let is_utf8 = declaration.encoding.as_deref().is_none_or(|encoding| encoding.eq_ignore_ascii_case("utf-8"));
        if declaration.version != "1.0" || !is_utf8 {
            return Err(Refused::because("declares another XML than 1.0 in UTF-8"));
        }
    }
    let mut reader = Reader { document: &document, limits, elements: 0 };
    for node in document.children_iter(document.root()) {
        reader.is_passed_over(node)?;
    }
    let root = document.document_element().ok_or(Refused::because("has no element"))?;
    reader.element(root, 0)
}

struct Reader<'a, 'd> {
    document: &'a uppsala::Document<'d>,
    limits: &'a Limits,
    elements: usize,
}

impl Reader<'_, '_> {
    fn element(&mut self, node: NodeId, depth: usize) -> Result<Element> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS || depth >= MAX_DEPTH {
            return Err(Refused::because("more or deeper elements than may be"));
        }
        let found = self.document.element(node).ok_or(Refused::because("has no element"))?;
        if found.attributes.len() + found.namespace_declarations.len() > MAX_ATTRIBUTES {
            return Err(scan::CROWDED);
        }
        // Namespaces in XML 1.0, 5: only the default one can be undeclared.
        if found.namespace_declarations.iter().any(|(prefix, uri)| !prefix.is_empty() && uri.is_empty()) {
            return Err(Refused::because("a prefix is undeclared, as in XML 1.1"));
        }
        let attribute = |attribute: &uppsala::Attribute<'_>| Attribute {
            namespace: attribute.name.namespace_uri.as_deref().map(str::to_owned),
            name: attribute.name.local_name.as_ref().to_owned(),
            value: attribute.value.as_ref().to_owned(),
        };
        let QName { namespace_uri, local_name, .. } = &found.name;
        let mut element = Element {
            namespace: namespace_uri.as_deref().unwrap_or_default().to_owned(),
            name: local_name.as_ref().to_owned(),
            attributes: found.attributes.iter().map(attribute).collect(),
            children: Vec::new(),
            text: String::new(),
            span: self.document.node_range(node).ok_or(Refused::because("an element without a place"))?,
        };
        for child in self.document.children_iter(node) {
            match self.document.node_kind(child) {
                Some(NodeKind::Element(_)) => element.children.push(self.element(child, depth + 1)?),
                Some(NodeKind::Text(text)) => element.text.push_str(text),
                _ => self.is_passed_over(child)?,
            }
        }
        Ok(element)
    }

    fn is_passed_over(&self, node: NodeId) -> Result<()> {
        match self.document.node_kind(node) {
            Some(NodeKind::Element(_) | NodeKind::Text(_)) => Ok(()),
            Some(NodeKind::Comment(_)) if self.limits.comments => Ok(()),
            _ => Err(Refused::because("holds something unknown")),
        }
    }
}
