//! ARM templates (and what Bicep builds): their resources of API Management.
//!
//! Parameters, variables, conditions, copy loops and nested templates are worked out as a deployment would. What must stay
//! true: what is known only in Azure is noted where it stands and left out; nothing loops or recurses without a bound.

mod evaluate;
mod expression;
mod functions;

use super::tree::mapping;
use super::{Note, Resource};
use crate::yaml::{Node, Place};
use evaluate::{Scope, child_scope};

/// Most resources that a template may come to.
const MOST_RESOURCES: usize = 50_000;
/// Most templates inside each other.
const DEPTH: usize = 16;

const SERVICE: &str = "microsoft.apimanagement/service";

/// What a template has.
#[derive(Default)]
pub(crate) struct Template {
    pub(crate) resources: Vec<Resource>,
    pub(crate) notes: Vec<Note>,
}

/// Whether a tree is a template.
pub(crate) fn is_template(root: &Node) -> bool {
    let schema = root.property_text("$schema").unwrap_or_default();
    schema.to_ascii_lowercase().contains("deploymenttemplate")
        || root.property("resources").is_some()
}

/// Reads a template. `parameters`: a parameters file.
pub(crate) fn read(root: &Node, parameters: Option<&Node>) -> Template {
    let mut template = Template::default();
    let given = parameters.and_then(|file| file.property("parameters"));
    let scope = Scope::new(root, given, None, &mut template.notes);
    resources(root, &scope, &mut template, 0);
    template
}

fn resources(root: &Node, scope: &Scope<'_>, template: &mut Template, depth: usize) {
    let Some(list) = root.property("resources") else {
        return;
    };
    let symbolic = list.entries().iter().map(|(_, resource)| resource);
    for resource in list.items().iter().chain(symbolic) {
        looped(resource, None, scope, template, depth);
    }
}

/// A resource, as often as its copy loop says.
fn looped(
    resource: &Node,
    outer: Option<(&str, &str)>,
    scope: &Scope<'_>,
    template: &mut Template,
    depth: usize,
) {
    let Some(copy) = resource.property("copy") else {
        return one(resource, outer, scope, template, depth);
    };
    let name = copy.property_text("name").unwrap_or_default();
    let count = scope.count(copy, &mut template.notes);
    for index in 0..count {
        if template.resources.len() >= MOST_RESOURCES {
            template.notes.push(Note::new(
                copy.place,
                format!("more than {MOST_RESOURCES} resources: the rest is left out"),
            ));
            return;
        }
        let inside = scope.in_loop(name, index);
        one(resource, outer, &inside, template, depth);
    }
}

fn one(
    resource: &Node,
    outer: Option<(&str, &str)>,
    scope: &Scope<'_>,
    template: &mut Template,
    depth: usize,
) {
    // A reference to what another deployment makes.
    if resource.property("existing").is_some_and(Node::is_true) {
        return;
    }
    let notes = &mut template.notes;
    if let Some(condition) = resource.property("condition")
        && let Some(value) = scope.value(condition, notes)
        && !value.is_true()
    {
        return;
    }
    let text = |name: &str, notes: &mut Vec<Note>| {
        let value = scope.value(resource.property(name)?, notes)?;
        value.text().map(str::to_owned)
    };
    let (Some(kind), Some(name)) = (text("type", notes), text("name", notes)) else {
        return;
    };
    let (kind, name) = match outer {
        Some((kind_of, name_of)) if !kind.to_ascii_lowercase().starts_with("microsoft.") => {
            (format!("{kind_of}/{kind}"), format!("{name_of}/{name}"))
        }
        _ => (kind, name),
    };
    let lower = kind.to_ascii_lowercase();
    if lower == "microsoft.resources/deployments" {
        nested(resource, scope, template, depth);
        return;
    }
    if lower == SERVICE {
        notes.push(Note::new(
            resource.place,
            format!("the settings of service `{name}` do not carry over: write listeners and TLS under `gateway`"),
        ));
    } else if let Some(below) = lower.strip_prefix(&format!("{SERVICE}/")) {
        add(resource, below, &name, scope, template);
    } else {
        notes.push(Note::new(
            resource.place,
            format!("`{name}` of type {kind} is no part of API Management: left out"),
        ));
        return;
    }
    if let Some(children) = resource.property("resources") {
        for child in children.items() {
            looped(child, Some((&kind, &name)), scope, template, depth);
        }
    }
}

/// A resource below the service.
fn add(resource: &Node, kind: &str, name: &str, scope: &Scope<'_>, template: &mut Template) {
    // The first name is the service's.
    let mut names: Vec<String> = name.split('/').skip(1).map(str::to_owned).collect();
    let mut kinds: Vec<&str> = kind.split('/').collect();
    if names.len() != kinds.len() {
        template.notes.push(Note::new(
            resource.place,
            format!("the name `{name}` does not fit the type `{kind}`: left out"),
        ));
        return;
    }
    let in_workspace = kinds.len() > 1 && kinds.first() == Some(&"workspaces");
    let workspace = in_workspace.then(|| {
        kinds.remove(0);
        names.remove(0)
    });
    let properties = resource.property("properties");
    let properties = properties.and_then(|p| scope.value(p, &mut template.notes));
    template.resources.push(Resource {
        workspace,
        kind: kinds.join("/"),
        names,
        properties: properties.unwrap_or_else(|| mapping(resource.place)),
        place: resource.place,
    });
}

/// A template inside a template.
fn nested(resource: &Node, scope: &Scope<'_>, template: &mut Template, depth: usize) {
    let Some(properties) = resource.property("properties") else {
        return;
    };
    let Some(inner) = properties.property("template") else {
        template.notes.push(Note::new(
            resource.place,
            "a linked template is not read: import its file, too",
        ));
        return;
    };
    if depth >= DEPTH {
        let why = format!("more than {DEPTH} templates inside each other: left out");
        template.notes.push(Note::new(resource.place, why));
        return;
    }
    let options = properties.property("expressionEvaluationOptions");
    let own = options
        .and_then(|o| o.property_text("scope"))
        .is_some_and(|s| s.eq_ignore_ascii_case("inner"));
    if !own {
        resources(inner, scope, template, depth + 1);
        return;
    }
    let given = properties.property("parameters");
    let given = given.and_then(|given| scope.value(given, &mut template.notes));
    let inside = child_scope(inner, given.as_ref(), &mut template.notes);
    resources(inner, &inside, template, depth + 1);
}

/// A place for values that nobody wrote.
fn nowhere() -> Place {
    Place::default()
}

#[cfg(test)]
mod tests;
