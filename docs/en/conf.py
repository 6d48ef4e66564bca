"""Settings of the documentation, which ``make docs`` builds into ``build/docs``."""
import os
import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parents[1]
sys.path.insert(0, str(ROOT))

from mmfusenas import __version__  # noqa: E402

project = 'mmfusenas'
author = copyright = 'mmfusenas authors'
release = version = __version__

extensions = [
    'myst_parser', 'sphinx.ext.apidoc', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx.ext.mathjax',
    'sphinx.ext.viewcode', 'sphinx_copybutton',
]
html_theme = 'furo'
html_title = f'mmfusenas {release}'
# Commands are indented blocks without a language.
highlight_language = 'text'
copybutton_prompt_text, copybutton_prompt_is_regexp = r'>>> |\.\.\. ', True

myst_enable_extensions = ['dollarmath']
myst_heading_anchors = 3

# One page a package; `__all__` names what a package passes on, which is described where it is defined. The variable is
# read when the extension is imported; apidoc_automodule_options does not reach the pages of packages (Sphinx 9.0).
os.environ['SPHINX_APIDOC_OPTIONS'] = 'members,show-inheritance,ignore-module-all'
apidoc_modules = [dict(path=str(ROOT / 'mmfusenas'), destination='api', module_first=True)]
exclude_patterns = ['api/modules.rst']
autodoc_member_order = 'bysource'
autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented'
napoleon_custom_sections = ['Shape']
# Otherwise the fields of a dataclass are described twice.
napoleon_use_ivar = True

# What the repository has once, and where it is on the site.
PAGES = {f'configs/{system}/README.md': f'/systems/{system}.md'
         for system in ('tim', 'ruas', 'dcnas', 'hadamard', 'hyperguidance')}
PAGES |= {'projects/example_project': '/example_project.md',
          'projects/example_project/README.md': '/example_project.md',
          'projects/fusion_adapters': '/fusion_adapters.md',
          'projects/fusion_adapters/README.md': '/fusion_adapters.md',
          'projects/tutorial/README.md': '/tutorial.md',
          'projects/web_demo/README.md': '/web_demo.md',
          'CHANGELOG.md': '/changelog.md', 'CONTRIBUTING.md': '/contributing.md'}


def site_links(text: str, folder: Path) -> str:
    """Return Markdown with its links to files of the repository as links within the site.

    A page of the site is named from the site's root, a module of the package becomes a reference to its API, and any
    other file is offered as it is.

    Args:
        text: Markdown.
        folder: Folder of its file, from which links are.
    """

    def replace(match: re.Match) -> str:
        label, target, anchor = match.groups()
        path = (folder / target).resolve()
        if not path.exists() or not path.is_relative_to(ROOT):
            return match[0]
        inside = path.relative_to(ROOT).as_posix()
        if inside.split('/')[0] == 'mmfusenas' and (path.is_dir() or path.suffix == '.py'):
            module = inside.removesuffix('.py').replace('/', '.')
            return f'{{py:mod}}`{label.strip("`")} <{module}>`'
        return f'[{label}]({PAGES.get(inside, "/" + os.path.relpath(path, DOCS))}{anchor or ""})'

    return re.sub(r'(?<!!)\[([^\[\]]+)\]\(([^)#\s]+)(#[^)\s]+)?\)', replace, text)


def setup(app: Sphinx) -> None:
    """Rewrite the links of every page, and of what it includes."""

    def read(app: Sphinx, document: str, content: list[str]) -> None:
        path = Path(app.env.doc2path(document))
        if path.suffix == '.md':
            content[0] = site_links(content[0], path.parent)

    def include(app: Sphinx, path: Path, document: str, content: list[str]) -> None:
        content[0] = site_links(content[0], (DOCS / path).resolve().parent)

    app.connect('source-read', read)
    app.connect('include-read', include)
