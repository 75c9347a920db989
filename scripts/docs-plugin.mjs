/**
 * Shows the first comment of each file as the text of its page: what the file owns is the best of our docs.
 *
 * TypeDoc takes that comment only with a tag in it, which would be noise in every file.
 */

import { Comment, Converter, MinimalSourceFile, ReflectionKind } from 'typedoc'

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile()
    const first = /^\/\*\*([\s\S]*?)\*\//.exec(file?.text ?? '')?.[1]
    if (first === undefined) return
    const text = first.replace(/^ *\* ?/gm, '').trim()
    const source = new MinimalSourceFile(text, file.fileName)
    const { content } = context.converter.parseRawComment(source, context.project.files)
    reflection.comment = new Comment(content)
  })
}
