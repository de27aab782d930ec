//! What a new instance is seeded from, embedded so that the binary works from any directory.

use include_dir::{Dir, include_dir};
use wakeman_gateway::instance::TemplateFile;

static RUNTIME: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../runtime");

/// The files of the template.
pub fn runtime() -> Vec<TemplateFile<'static>> {
    let mut files = Vec::new();
    collect(&RUNTIME, &mut files);
    files.sort_by(|a, b| a.path.cmp(b.path));
    files
}

fn collect(dir: &'static Dir<'static>, files: &mut Vec<TemplateFile<'static>>) {
    for file in dir.files() {
        if let Some(path) = file.path().to_str() {
            files.push(TemplateFile { path, bytes: file.contents() });
        }
    }
    for dir in dir.dirs() {
        collect(dir, files);
    }
}
