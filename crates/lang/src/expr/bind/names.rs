//! Names: variables, types, namespaces, members.

use super::suggest::hint;
use super::{B, Binder, Bound};
use crate::expr::allowed;
use crate::expr::ast::{At, Expr, Ident, Kind, TypeRef};
use crate::expr::ir::{Call, Ir};
use crate::expr::lexer::Fault;
use crate::expr::table::{Member, MemberKind, Part, TypeKind, table};
use crate::expr::types::Ty;
use crate::value::Frozen;

/// What a name means.
pub(super) enum Named {
    Value(Bound),
    Type(Ty),
    Namespace(String),
    /// Methods of a value or type, with type arguments as written.
    Methods {
        receiver: Option<Bound>,
        of: Ty,
        name: Ident,
        args: Vec<Ty>,
    },
}

impl Binder {
    /// A type as written.
    pub(super) fn resolve(&mut self, written: &TypeRef) -> B<Ty> {
        let ty = self.resolve_any(written)?;
        match static_class(&ty) {
            None => Ok(ty),
            Some(name) => Err(Fault::new(
                written.at.clone(),
                format!("`{name}` is a static class, of which there are no values"),
                "expected another type",
            )),
        }
    }

    /// A type as written, for `typeof`, which takes static classes too.
    pub(super) fn resolve_any(&mut self, written: &TypeRef) -> B<Ty> {
        let names: Vec<&str> = self.generics.iter().map(|(n, _)| &**n).collect();
        let ty = table()
            .resolve(written, &names)
            .map_err(|unknown| unknown_type(&unknown, &written.at))?;
        check_arity(&ty, written)?;
        if names.is_empty() {
            return Ok(ty);
        }
        let types: Vec<Ty> = self.generics.iter().map(|(_, t)| t.clone()).collect();
        Ok(ty.substitute(&types))
    }

    /// A name that must be a value.
    pub(super) fn name_value(&mut self, e: &Expr) -> B<Bound> {
        match self.named(e)? {
            Named::Value(b) => Ok(b),
            Named::Type(t) => Err(Fault::new(
                e.at.clone(),
                format!("`{t}` is a type, not a value"),
                "expected a value",
            )),
            Named::Namespace(n) => Err(Fault::new(
                e.at.clone(),
                format!("`{n}` is a namespace, not a value"),
                "expected a value",
            )),
            Named::Methods { name, .. } => Err(Fault::new(
                name.at.clone(),
                format!("`{}` is a method", name.text),
                "expected `(…)` after it",
            )
            .help(format!("call it: `{}(…)`", name.text))),
        }
    }

    /// What a name or member access means.
    pub(super) fn named(&mut self, e: &Expr) -> B<Named> {
        self.named_as(e, false)
    }

    /// As [`Binder::named`]; for what is called, properties that are no delegates are passed over.
    pub(super) fn named_as(&mut self, e: &Expr, called: bool) -> B<Named> {
        match &e.kind {
            Kind::Type(t) => Ok(Named::Type(self.resolve(t)?)),
            Kind::Name(name, args) => self.simple_name(name, args, &e.at),
            Kind::Member(of, name, args) => {
                self.tick(&e.at)?;
                let of_name = match &of.kind {
                    Kind::Name(..) | Kind::Member(..) | Kind::Type(_) => self.named(of)?,
                    _ => Named::Value(self.value(of)?),
                };
                match of_name {
                    Named::Value(b) => self.member_of(b, name, args, called),
                    Named::Type(t) => match table().nested(&t, &name.text) {
                        Some(inner) if args.is_empty() => Ok(Named::Type(Ty::class(inner.name))),
                        _ => self.member_of_type(&t, name, args),
                    },
                    Named::Namespace(path) => {
                        let full = format!("{path}.{}", name.text);
                        if table().is_namespace(&full) && args.is_empty() {
                            return Ok(Named::Namespace(full));
                        }
                        let mut parts: Vec<Ident> = full
                            .split('.')
                            .map(|p| Ident {
                                at: e.at.clone(),
                                text: p.into(),
                            })
                            .collect();
                        if let Some(last) = parts.last_mut() {
                            last.at = name.at.clone();
                        }
                        let written = TypeRef {
                            at: e.at.clone(),
                            path: parts,
                            args: args.clone(),
                            names: Vec::new(),
                            suffix: Vec::new(),
                        };
                        match table().resolve(&written, &[]) {
                            Ok(t) => Ok(Named::Type(t)),
                            Err(unknown) => Err(unknown_type(&unknown, &name.at)),
                        }
                    }
                    Named::Methods { name: m, .. } => Err(Fault::new(
                        m.at.clone(),
                        format!("`{}` is a method", m.text),
                        "expected `(…)` after it",
                    )),
                }
            }
            _ => Ok(Named::Value(self.value(e)?)),
        }
    }

    fn simple_name(&mut self, name: &Ident, args: &[TypeRef], at: &At) -> B<Named> {
        if args.is_empty() {
            if &*name.text == "context" {
                return Ok(Named::Value(Bound::new(
                    Ir::Host(Part::Context),
                    Ty::class("IContext"),
                )));
            }
            if let Some(local) = self.lookup(&name.text) {
                let ir = match local.constant {
                    Some(Frozen::Text(s)) => Ir::Text(s),
                    Some(c) => Ir::Const(c),
                    None if local.unsure => {
                        Ir::Unsure(local.slot, Box::new((name.text.clone(), name.at.clone())))
                    }
                    None => Ir::Local(local.slot),
                };
                return Ok(Named::Value(Bound::new(ir, local.ty)));
            }
        }
        let written = TypeRef {
            at: at.clone(),
            path: vec![name.clone()],
            args: args.to_vec(),
            names: Vec::new(),
            suffix: Vec::new(),
        };
        if let Ok(t) = table().resolve(&written, &[]) {
            return Ok(Named::Type(t));
        }
        if table().is_namespace(&name.text) {
            return Ok(Named::Namespace(name.text.to_string()));
        }
        let locals: Vec<String> = self
            .functions
            .iter()
            .flat_map(|f| &f.scopes)
            .flatten()
            .map(|l| l.name.to_string())
            .collect();
        let names = locals
            .iter()
            .map(String::as_str)
            .chain(["context"])
            .chain(table().type_names().map(|n: &str| n));
        let fault = Fault::new(
            name.at.clone(),
            format!("unknown name `{}`", name.text),
            "neither a variable nor an allowed type",
        );
        Err(match hint(&name.text, names) {
            Some(h) => fault.help(h),
            None => fault,
        })
    }

    /// Property, or the methods of that name.
    pub(super) fn member_of_value(
        &mut self,
        receiver: Bound,
        name: &Ident,
        args: &[TypeRef],
    ) -> B<Named> {
        self.member_of(receiver, name, args, false)
    }

    fn member_of(
        &mut self,
        receiver: Bound,
        name: &Ident,
        args: &[TypeRef],
        called: bool,
    ) -> B<Named> {
        let ty = receiver.ty.clone();
        if ty == Ty::Unknown {
            return Ok(Named::Value(Bound::new(receiver.ir, Ty::Unknown)));
        }
        if ty == Ty::Void || ty == Ty::Null {
            return Err(Fault::new(
                name.at.clone(),
                format!("`{ty}` has no members"),
                "nothing to take a member of",
            ));
        }
        // `f.Invoke(x)` is `f(x)`.
        if called && &*name.text == "Invoke" && ty.delegate().is_some() {
            return Ok(Named::Value(receiver));
        }
        if let Some((i, field)) = ty.field(&name.text) {
            return Ok(Named::Value(Bound::new(
                Ir::Field(i, Box::new(receiver.ir)),
                field,
            )));
        }
        for t in table().member_lineage(&ty) {
            let Some(info) = table().of(&t) else { continue };
            let named = info
                .members
                .iter()
                .filter(|m| m.name == &*name.text && !m.is_static);
            for m in named {
                if m.kind == MemberKind::Property
                    && !(called
                        && m.result.delegate().is_none()
                        && self.has_method(&ty, &name.text, false))
                {
                    self.note_beyond(m, &name.at);
                    return Ok(Named::Value(self.property(receiver, m, &t)));
                }
            }
        }
        if self.has_method(&ty, &name.text, false) {
            let args = args
                .iter()
                .map(|a| self.resolve(a))
                .collect::<B<Vec<_>>>()?;
            return Ok(Named::Methods {
                receiver: Some(receiver),
                of: ty,
                name: name.clone(),
                args,
            });
        }
        Err(self.unknown_member(&ty, name, false))
    }

    /// Whether a type has a member of that name, static or not.
    pub(super) fn has_member(&self, ty: &Ty, name: &str) -> bool {
        let lineage = table().lineage(ty);
        let mut types = lineage.iter().filter_map(|t| table().of(t));
        types.any(|info| info.members.iter().any(|m| m.name == name))
    }

    fn has_method(&self, ty: &Ty, name: &str, is_static: bool) -> bool {
        let own = table()
            .member_lineage(ty)
            .iter()
            .filter_map(|t| table().of(t))
            .any(|info| {
                info.members.iter().any(|m| {
                    m.name == name && m.kind == MemberKind::Method && (m.is_static == is_static)
                })
            });
        own || (!is_static && table().extensions(name).next().is_some())
    }

    fn member_of_type(&mut self, ty: &Ty, name: &Ident, args: &[TypeRef]) -> B<Named> {
        let Some(info) = table().of(ty) else {
            return Err(self.unknown_member(ty, name, true));
        };
        if let Some(e) = info.enum_type
            && let Some((_, n)) = e.members.iter().find(|(m, _)| *m == &*name.text)
        {
            if !allowed::allows(allowed::of(info.name), &name.text) {
                self.beyond
                    .push((name.at.clone(), format!("{}.{}", info.name, name.text)));
            }
            return Ok(Named::Value(Bound::new(
                Ir::Const(Frozen::Enum(e, *n)),
                ty.clone(),
            )));
        }
        for t in table().lineage(ty) {
            let Some(info) = table().of(&t) else { continue };
            if let Some(m) = info
                .members
                .iter()
                .find(|m| m.name == &*name.text && m.is_static && m.kind == MemberKind::Property)
            {
                self.reads = self.reads.union(m.reads);
                self.note_beyond(m, &name.at);
                let call = Call {
                    run: m.run,
                    member: Some(m),
                    checked: false,
                    args: Vec::new(),
                    types: class_args(&t),
                    outs: Vec::new(),
                };
                let b = Bound::new(
                    Ir::Call(Box::new(call)),
                    m.result.substitute(&class_args(&t)),
                );
                return Ok(Named::Value(if m.is_const { self.fold(b) } else { b }));
            }
        }
        if self.has_method(ty, &name.text, true) {
            let args = args
                .iter()
                .map(|a| self.resolve(a))
                .collect::<B<Vec<_>>>()?;
            return Ok(Named::Methods {
                receiver: None,
                of: ty.clone(),
                name: name.clone(),
                args,
            });
        }
        Err(self.unknown_member(ty, name, true))
    }

    /// Reads a property.
    pub(super) fn property(&mut self, receiver: Bound, m: &'static Member, declared: &Ty) -> Bound {
        let before = self.reads;
        self.reads = self.reads.union(m.reads);
        if declared.is_class("IResponse") && m.name == "Body" {
            self.plain_body = true;
        }
        let types = class_args(declared);
        let ty = m.result.substitute(&types);
        // A struct is never null, so only references are checked.
        let checked = !receiver.ty.is_value() && !receiver.ty.is_nullable();
        let call = Call {
            run: m.run,
            member: Some(m),
            checked,
            args: vec![receiver.ir],
            types,
            outs: Vec::new(),
        };
        Bound {
            ir: Ir::Call(Box::new(call)),
            ty,
            before: Some(before),
        }
    }

    pub(super) fn unknown_member(&self, ty: &Ty, name: &Ident, is_static: bool) -> Fault {
        let mut names: Vec<&str> = Vec::new();
        for t in table().lineage(ty) {
            let Some(info) = table().of(&t) else { continue };
            names.extend(
                info.members
                    .iter()
                    .filter(|m| m.is_static == is_static && named_kind(m.kind))
                    .map(|m| m.name),
            );
            if let Some(e) = info.enum_type {
                names.extend(e.members.iter().map(|(n, _)| *n));
            }
        }
        match ty {
            Ty::Anonymous(a) => names.extend(a.fields.iter().map(|(n, _)| &**n)),
            Ty::Tuple(t) => names.extend(t.items.iter().filter_map(|(n, _)| n.as_deref())),
            _ => {}
        }
        let extensions: Vec<&str> = if is_static {
            Vec::new()
        } else {
            table().extension_names().collect()
        };
        let fault = Fault::new(
            name.at.clone(),
            format!("`{ty}` has no member `{}`", name.text),
            format!("not a member of `{ty}` that expressions may use"),
        );
        // The same name on the other side is the most likely slip.
        let other_side = table().of(ty).is_some_and(|i| {
            i.members
                .iter()
                .any(|m| m.name == &*name.text && m.is_static != is_static)
        });
        if other_side {
            return fault.help(if is_static {
                format!(
                    "`{}` belongs to a value of `{ty}`, not to the type",
                    name.text
                )
            } else {
                format!("`{}` is static: write `{ty}.{}`", name.text, name.text)
            });
        }
        match hint(&name.text, names.into_iter().chain(extensions)) {
            Some(h) => fault.help(h),
            None => fault,
        }
    }
}

fn named_kind(kind: MemberKind) -> bool {
    matches!(kind, MemberKind::Property | MemberKind::Method)
}

/// Type arguments of a class or array, as the rows of its class count them.
pub(super) fn class_args(ty: &Ty) -> Vec<Ty> {
    match ty {
        Ty::Class(_, a) => a.to_vec(),
        Ty::Nullable(t) => vec![(**t).clone()],
        _ => Vec::new(),
    }
}

/// The static class that a type is or is made of.
fn static_class(ty: &Ty) -> Option<&'static str> {
    match ty {
        Ty::Array(of) | Ty::Rectangular(of, _) | Ty::Nullable(of) => static_class(of),
        // The class of `Tuple.Create`; those with type arguments are others.
        Ty::Class("Tuple", args) if args.is_empty() => Some("Tuple"),
        Ty::Class(name, args) => {
            let fixed = table().get(name)?.kind == TypeKind::Static;
            let own = fixed.then_some(*name);
            own.or_else(|| args.iter().find_map(static_class))
        }
        _ => None,
    }
}

fn check_arity(ty: &Ty, written: &TypeRef) -> B<()> {
    if let Ty::Class(name, args) = ty
        && let Some(info) = table().get(name)
        && !matches!(*name, "Func" | "Action" | "Tuple")
        && args.len() != info.arity
        && written.suffix.is_empty()
    {
        let message = if info.arity == 0 {
            format!("`{name}` takes no type arguments")
        } else {
            format!("`{name}` needs {} type argument(s)", info.arity)
        };
        return Err(Fault::new(
            written.at.clone(),
            message,
            "wrong number of type arguments",
        ));
    }
    Ok(())
}

fn unknown_type(unknown: &str, at: &At) -> Fault {
    let simple = unknown.rsplit('.').next().unwrap_or(unknown);
    let fault = Fault::new(
        at.clone(),
        format!("unknown type `{unknown}`"),
        "not a type that expressions may use",
    );
    match hint(simple, table().type_names()) {
        Some(h) => fault.help(h),
        None => fault,
    }
}
