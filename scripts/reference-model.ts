/** What the API reference leaves out of what typedoc has found, and in which order it has the rest. */
import {
  type Application,
  Converter,
  type DeclarationReflection,
  type ProjectReflection,
  ReflectionKind,
} from 'typedoc';
import { exportedNames } from './surface.js';

/** Between the component of typedoc that finds what is inherited (0) and the one that groups (-100). */
const BEFORE_GROUPING = -50;
const AFTER_GROUPING = -150;

/** Methods are where they are declared, and nowhere else; options are in full wherever they are taken. */
function removeInheritedMethods(project: ProjectReflection): void {
  const kinds = ReflectionKind.Method | ReflectionKind.Constructor;
  for (const method of project.getReflectionsByKind(kinds)) {
    if (method.isDeclaration() && method.inheritedFrom) project.removeReflection(method);
  }
}

/** Members keep the order of the source; what a module exports is looked up by its name. */
function sortExports(project: ProjectReflection): void {
  for (const { groups = [] } of project.children ?? []) {
    for (const { children } of groups) children.sort((a, b) => a.name.localeCompare(b.name, 'en'));
  }
}

/** Of the types that are not exported, the reference has those of options: their members are looked up. */
const isLookedUp = (child: DeclarationReflection): boolean =>
  child.kindOf([ReflectionKind.Interface, ReflectionKind.TypeAlias]) &&
  /(Options|Request)$/.test(child.name);

function removeInternals(project: ProjectReflection): void {
  const exported = exportedNames();
  for (const { name, children = [] } of project.children ?? []) {
    const [, entry = 'index'] = name.split('/');
    for (const child of [...children]) {
      const isExported = exported[entry]?.includes(child.name);
      if (!isExported && !isLookedUp(child)) project.removeReflection(child);
    }
  }
}

export function shapeModel(app: Application): void {
  app.converter.on(
    Converter.EVENT_RESOLVE_END,
    ({ project }) => removeInternals(project),
    BEFORE_GROUPING,
  );
  app.converter.on(
    Converter.EVENT_RESOLVE_END,
    ({ project }) => removeInheritedMethods(project),
    BEFORE_GROUPING,
  );
  app.converter.on(
    Converter.EVENT_RESOLVE_END,
    ({ project }) => sortExports(project),
    AFTER_GROUPING,
  );
}
