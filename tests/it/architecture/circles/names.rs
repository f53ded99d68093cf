//! What one module declares, imports and names.

use std::collections::BTreeSet;

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, Lit, Meta, UseTree};

/// The names of one module, without those of the modules in it.
#[derive(Default)]
pub(super) struct Names {
    /// What the module itself declares.
    pub(super) items: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
    /// Every path of more than one word in its code.
    pub(super) paths: Vec<Vec<String>>,
}

/// One leaf of a `use`.
pub(super) struct Import {
    /// Under which it is known in the module; nothing for all names of a module.
    pub(super) name: Option<String>,
    pub(super) path: Vec<String>,
}

impl Names {
    pub(super) fn of(items: &[Item]) -> Self {
        let mut names = Self::default();
        for item in items {
            names.items.extend(declared(item));
            names.visit_item(item);
        }
        names
    }

    fn import(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before)),
            UseTree::Glob(_) => self.imports.push(Import { name: None, path: before.to_vec() }),
            UseTree::Rename(tree) => {
                let name = Some(tree.rename.to_string());
                self.imports.push(Import { name, path: with(&tree.ident) });
            }
            UseTree::Name(tree) if tree.ident == "self" => {
                self.imports.push(Import { name: before.last().cloned(), path: before.to_vec() });
            }
            UseTree::Name(tree) => {
                let name = Some(tree.ident.to_string());
                self.imports.push(Import { name, path: with(&tree.ident) });
            }
        }
    }

    /// The paths in the words of a macro's call, which have no grammar of their own.
    fn add_paths(&mut self, mut at: Cursor<'_>) {
        let mut path = Vec::new();
        let mut colons = 0;
        while !at.eof() {
            if let Some((word, next)) = at.ident() {
                if colons != 2 {
                    self.end_path(&mut path);
                }
                path.push(word.to_string());
                (colons, at) = (0, next);
            } else if let Some((_, next)) = at.punct().filter(|(mark, _)| mark.as_char() == ':') {
                (colons, at) = (colons + 1, next);
            } else {
                self.end_path(&mut path);
                colons = 0;
                if let Some((inside, _, _, _)) = at.any_group() {
                    self.add_paths(inside);
                }
                let Some((_, next)) = at.token_tree() else { return };
                at = next;
            }
        }
        self.end_path(&mut path);
    }

    fn end_path(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.paths.push(path);
        }
    }
}

impl<'a> Visit<'a> for Names {
    fn visit_item(&mut self, item: &'a Item) {
        let inner = matches!(item, Item::Mod(_));
        if !inner && !attributes(item).is_some_and(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        if item.leading_colon.is_none() {
            self.import(&item.tree, &[]);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    /// Who may see a thing is no use of the module that sees it.
    fn visit_vis_restricted(&mut self, _: &'a syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'a syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, found: &'a syn::Macro) {
        visit::visit_macro(self, found);
        self.add_paths(TokenBuffer::new2(found.tokens.clone()).begin());
    }

    /// A link in a comment is no use.
    fn visit_attribute(&mut self, _: &'a Attribute) {}
}

fn declared(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn attributes(item: &Item) -> Option<&[Attribute]> {
    Some(match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return None,
    })
}

/// Whether `#[cfg(test)]` stands before it.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    let test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
    };
    attributes.iter().any(test)
}

/// The file that `#[path = "…"]` names.
pub(super) fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}
