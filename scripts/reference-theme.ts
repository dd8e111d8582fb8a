/** How the pages of the API reference look, where typedoc's Markdown says too much or too little. */
import {
  type Comment,
  type DeclarationReflection,
  ProjectReflection,
  ReferenceType,
  type Reflection,
  ReflectionKind,
  type SomeType,
  type UnionType,
} from 'typedoc';
import { MarkdownTheme, MarkdownThemeContext, ModuleRouter } from 'typedoc-plugin-markdown';

const INTRODUCTION =
  'What each entry point exports, written by `npm run docs` from the types and the docstrings of the\n' +
  'sources. How things are done is in the [guides](../../README.md#guides).';

/** What is thrown, as one list: the type, and when. */
function withListOfThrows(comment: Comment): Comment {
  const [first, ...others] = comment.blockTags.filter(({ tag }) => tag === '@throws');
  if (first === undefined) return comment;
  const list = first.clone();
  list.content = [first, ...others].flatMap(({ typeAnnotation = '', content }) => [
    { kind: 'text', text: `\n- ${typeAnnotation.replace(/^\{(.*)\}$/, '`$1` ')}` },
    ...content,
  ]);
  const changed = comment.clone();
  changed.removeTags('@throws');
  changed.blockTags.push(list);
  return changed;
}

const isUndefined = (type: SomeType): boolean => type.toString() === 'undefined';

const membersOf = (union: UnionType): string =>
  union.types
    .filter((type) => !isUndefined(type))
    .map(String)
    .sort()
    .join();

/** The name of a union. TypeScript forgets those of `keyof` and of indexed types. */
function nameOf(union: UnionType, project: ProjectReflection): ReferenceType | undefined {
  const members = membersOf(union);
  const alias = project
    .getReflectionsByKind(ReflectionKind.TypeAlias)
    .filter((candidate) => candidate.isDeclaration())
    .find(({ type }) => type?.type === 'union' && type !== union && membersOf(type) === members);
  return alias && ReferenceType.createResolvedReference(alias.name, alias, project);
}

const isEmpty = ({ children, signatures, indexSignatures }: DeclarationReflection): boolean =>
  [children, signatures, indexSignatures].every((members) => members === undefined);

/** Re-exports are described where they come from. */
const isExportedHere = (exported: Reflection): exported is DeclarationReflection =>
  exported.isDeclaration() && !exported.isReference();

class ReferenceContext extends MarkdownThemeContext {
  constructor(...parameters: ConstructorParameters<typeof MarkdownThemeContext>) {
    super(...parameters);
    const { comment, reflectionType, signatureReturns, typeDeclarationTable, unionType } =
      this.partials;
    this.partials = {
      ...this.partials,
      comment: (model, options) => comment(withListOfThrows(model), options),
      // Of an object of another package, typedoc has left out the members.
      reflectionType: (model, options) =>
        isEmpty(model.declaration) ? '`object`' : reflectionType(model, options),
      // The signature has the type; what is left to say is in the docstring.
      signatureReturns: (model, options) =>
        model.comment?.getTag('@returns') ? signatureReturns(model, options) : '',
      // Where nothing is said of any member, the names are in the type already.
      typeDeclarationTable: (members, options) =>
        members.some((member) => member.hasComment()) ? typeDeclarationTable(members, options) : '',
      unionType: (model) => {
        const name = nameOf(model, this.page.project);
        if (name === undefined) return unionType(model);
        const others = model.types.filter(isUndefined);
        return [name, ...others].map((type) => this.partials.someType(type)).join(' \\| ');
      },
      inheritance: () => '',
    };
  }

  /** What a reflection is, in the first sentence of its docstring. */
  #firstSentence({ comment, signatures = [] }: DeclarationReflection): string {
    const { summary = [] } = comment ?? signatures.find((each) => each.comment)?.comment ?? {};
    const text = this.helpers.getCommentParts(summary).replace(/\s+/g, ' ').replaceAll('|', '\\|');
    const [sentence] = new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text);
    return sentence?.segment.trim() ?? '';
  }

  #row(exported: DeclarationReflection): string {
    const { name } = exported;
    return `| [\`${name}\`](${this.urlTo(exported)}) | ${this.#firstSentence(exported)} |`;
  }

  /** The page that leads to the others: all that each exports. */
  overview(project: ProjectReflection): string {
    const modules = project.children ?? [];
    const sections = modules.map((module) => {
      const exported = (module.groups ?? []).flatMap(({ children }) => children);
      const rows = exported.filter(isExportedHere).map((each) => this.#row(each));
      return [
        `## [${module.name}](${this.urlTo(module)})`,
        this.helpers.getCommentParts(module.comment?.summary ?? []),
        ['| export | |', '| --- | --- |', ...rows].join('\n'),
      ].join('\n\n');
    });
    return [`# ${project.name}`, INTRODUCTION, ...sections].join('\n\n');
  }
}

export class ReferenceTheme extends MarkdownTheme {
  override getRenderContext(
    page: Parameters<MarkdownTheme['getRenderContext']>[0],
  ): ReferenceContext {
    return new ReferenceContext(this, page, this.application.options);
  }

  override render(page: Parameters<MarkdownTheme['render']>[0]): string {
    const { model } = page;
    return model instanceof ProjectReflection && page.isReflectionEvent()
      ? `${this.getRenderContext(page).overview(model)}\n`
      : super.render(page);
  }
}

/** One page for each entry point, beside each other. */
export class ReferenceRouter extends ModuleRouter {
  override getIdealBaseName(reflection: Reflection): string {
    if (!reflection.kindOf(ReflectionKind.Module)) return super.getIdealBaseName(reflection);
    const [, subpath = 'server'] = reflection.name.split('/');
    return subpath;
  }
}
