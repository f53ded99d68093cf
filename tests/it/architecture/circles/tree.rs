//! The modules of the crates as a tree, and what each name in them stands for.

use std::collections::BTreeMap;

use syn::Item;

use super::Edges;
use super::names::{Names, is_for_tests, path_attribute};

/// Longer chains of imports of imports lead in a ring.
const LONGEST_CHAIN: usize = 16;

/// A place in [`Tree::modules`].
type Index = usize;

/// All modules of all crates, a parent before its children.
pub(super) struct Tree {
    modules: Vec<Module>,
}

/// One module, in a file of its own or in the middle of one.
struct Module {
    file: String,
    parent: Option<Index>,
    children: BTreeMap<String, Index>,
    names: Names,
}

impl Tree {
    /// Reads every crate whose root is in `sources`: `lib.rs` and `main.rs` of `src`, and each file directly
    /// in another folder.
    pub(super) fn read(sources: &BTreeMap<String, String>) -> Self {
        let mut tree = Self { modules: Vec::new() };
        for (path, text) in sources.iter().filter(|(path, _)| is_root(path)) {
            let folder = folder(path);
            let file = Place { sources, file: path, folder: folder.to_owned() };
            tree.add(&file, None, &parsed(path, text).items);
        }
        tree
    }

    fn add(&mut self, place: &Place<'_>, parent: Option<Index>, items: &[Item]) -> Index {
        let index = self.modules.len();
        let file = place.file.to_owned();
        self.modules.push(Module { file, parent, children: BTreeMap::new(), names: Names::of(items) });
        for item in items {
            let Item::Mod(module) = item else { continue };
            if is_for_tests(&module.attrs) {
                continue;
            }
            let name = module.ident.to_string();
            let child = if let Some((_, items)) = &module.content {
                let folder = format!("{}/{name}", place.folder);
                self.add(&Place { folder, ..*place }, Some(index), items)
            } else {
                let Some((file, text)) = place.find(&name, path_attribute(&module.attrs)) else { continue };
                let folder = file.strip_suffix("/mod.rs").or(file.strip_suffix(".rs")).unwrap_or(file);
                let place = Place { sources: place.sources, file, folder: folder.to_owned() };
                self.add(&place, Some(index), &parsed(file, text).items)
            };
            self.modules[index].children.insert(name, child);
        }
        index
    }

    /// What each file takes from files that are neither above nor below it.
    pub(super) fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (index, module) in self.modules.iter().enumerate() {
            let imports = module.names.imports.iter().map(|import| &import.path);
            for path in imports.chain(&module.names.paths) {
                let Some((target, name)) = self.resolve(index, path, 0) else { continue };
                let file = &self.modules[target].file;
                if self.is_above(file, index) || self.is_above(&module.file, target) {
                    continue;
                }
                let names = edges.entry(module.file.clone()).or_default().entry(file.clone()).or_default();
                names.extend(name.map(str::to_owned));
            }
        }
        edges
    }

    /// Whether a module of `file` is the one at `index` or holds it.
    fn is_above(&self, file: &str, index: Index) -> bool {
        let mut at = Some(index);
        while let Some(index) = at {
            if self.modules[index].file == file {
                return true;
            }
            at = self.modules[index].parent;
        }
        false
    }

    /// The module in which the thing at `path` is written, and its name there; no name means the module
    /// itself. Nothing for what lies outside of the crate.
    fn resolve<'t>(
        &'t self,
        at: Index,
        path: &'t [String],
        chain: usize,
    ) -> Option<(Index, Option<&'t str>)> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.walk(self.root(at), rest, chain),
            "self" => self.walk(at, rest, chain),
            "super" => self.walk(self.modules[at].parent?, rest, chain),
            name => self.named(at, name, rest, chain),
        }
    }

    fn walk<'t>(&'t self, at: Index, path: &'t [String], chain: usize) -> Option<(Index, Option<&'t str>)> {
        let Some((first, rest)) = path.split_first() else { return Some((at, None)) };
        match first.as_str() {
            "self" => self.walk(at, rest, chain),
            "super" => self.walk(self.modules[at].parent?, rest, chain),
            // A name that nothing declares is made by a macro of that module.
            name => self.named(at, name, rest, chain).or(Some((at, Some(name)))),
        }
    }

    /// What `name` stands for in the module `at`, and then the rest of the path.
    fn named<'t>(
        &'t self,
        at: Index,
        name: &'t str,
        rest: &'t [String],
        chain: usize,
    ) -> Option<(Index, Option<&'t str>)> {
        if chain > LONGEST_CHAIN {
            return None;
        }
        let module = &self.modules[at];
        if let Some(child) = module.children.get(name) {
            return self.walk(*child, rest, chain);
        }
        if module.names.items.contains(name) {
            return Some((at, Some(name)));
        }
        let imports = &module.names.imports;
        for import in imports.iter().filter(|import| import.name.as_deref() == Some(name)) {
            match self.resolve(at, &import.path, chain + 1) {
                Some((module, None)) => return self.walk(module, rest, chain + 1),
                Some(found) => return Some(found),
                None => {}
            }
        }
        imports.iter().filter(|import| import.name.is_none()).find_map(|all| {
            let (module, None) = self.resolve(at, &all.path, chain + 1)? else { return None };
            self.named(module, name, rest, chain + 1)
        })
    }

    fn root(&self, mut at: Index) -> Index {
        while let Some(parent) = self.modules[at].parent {
            at = parent;
        }
        at
    }
}

/// Where the children of a module are looked for.
struct Place<'s> {
    sources: &'s BTreeMap<String, String>,
    file: &'s str,
    folder: String,
}

impl<'s> Place<'s> {
    fn find(&self, name: &str, path: Option<String>) -> Option<(&'s str, &'s str)> {
        let usual = [format!("{}/{name}.rs", self.folder), format!("{}/{name}/mod.rs", self.folder)];
        let given = path.map(|path| format!("{}/{path}", folder(self.file)));
        let found = given.iter().chain(&usual).find_map(|path| self.sources.get_key_value(path))?;
        Some((found.0, found.1))
    }
}

fn is_root(path: &str) -> bool {
    match path.strip_prefix("src/") {
        Some(name) => matches!(name, "lib.rs" | "main.rs"),
        None => path.matches('/').count() == 1,
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn parsed(path: &str, text: &str) -> syn::File {
    syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"))
}
