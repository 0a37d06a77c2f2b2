// biome-ignore-all lint: written by a program
// Types of codeband for an editor, where the package is not installed; where it is, its own types are used instead.
// Written by codeband: `codeband roles --types` writes it anew, and the types of this project's roles and tools beside it.

declare module 'codeband/zod*' {
  /** The part of zod 4 that definitions use; a band runs the whole of it. */
  export namespace z {
    export interface ZodType<Output = unknown, Input = unknown> {
      readonly _zod: {
        readonly output: Output
        readonly input: Input
        readonly optin?: 'optional'
        readonly optout?: 'optional' | undefined
      }
      parse(value: unknown): Output
      safeParse(value: unknown): { success: true; data: Output } | { success: false; error: ZodError }
      describe(text: string): this
      optional(): ZodOptional<this>
      nullable(): ZodNullable<this>
      nullish(): ZodOptional<ZodNullable<this>>
      default(value: Exclude<Output, undefined>): ZodDefault<this>
      catch(value: Output): ZodCatch<this>
      transform<T>(change: (value: Output) => T): ZodPipe<this, T>
      array(): ZodArray<this>
      refine(check: (value: Output) => unknown, message?: string): this
    }
    export interface ZodError extends Error {
      readonly issues: readonly { readonly code: string; readonly path: PropertyKey[]; readonly message: string }[]
    }
    export type Optional<O, I, Out> = {
      readonly output: O
      readonly input: I
      readonly optin: 'optional'
      readonly optout: Out
    }
    export type output<T> = T extends { readonly _zod: { readonly output: infer O } } ? O : unknown
    export type input<T> = T extends { readonly _zod: { readonly input: infer I } } ? I : unknown
    export type infer<T> = output<T>
    export type Shape = Readonly<Record<string, ZodType>>
    export type Flat<T> = { [K in keyof T]: T[K] }
    export type Optionals<S, Side extends 'optin' | 'optout'> = {
      [K in keyof S]: S[K] extends { readonly _zod: { readonly [side in Side]: 'optional' } } ? K : never
    }[keyof S]
    export type ObjectOutput<S> = Flat<
      { -readonly [K in Exclude<keyof S, Optionals<S, 'optout'>>]: output<S[K]> } & {
        -readonly [K in Optionals<S, 'optout'>]?: output<S[K]>
      }
    >
    export type ObjectInput<S> = Flat<
      { -readonly [K in Exclude<keyof S, Optionals<S, 'optin'>>]: input<S[K]> } & {
        -readonly [K in Optionals<S, 'optin'>]?: input<S[K]>
      }
    >
    export interface ZodString extends ZodType<string, string> {
      min(length: number, message?: string): this
      max(length: number, message?: string): this
      regex(pattern: RegExp, message?: string): this
      length(length: number, message?: string): this
      startsWith(text: string, message?: string): this
      trim(): this
      toLowerCase(): this
    }
    export interface ZodNumber extends ZodType<number, number> {
      min(value: number, message?: string): this
      max(value: number, message?: string): this
      int(message?: string): this
      positive(message?: string): this
      nonnegative(message?: string): this
    }
    export interface ZodBoolean extends ZodType<boolean, boolean> {}
    export interface ZodUnknown extends ZodType<unknown, unknown> {}
    export interface ZodCustom<O, I> extends ZodType<O, I> {}
    export interface ZodLiteral<T> extends ZodType<T, T> {}
    export interface ZodEnum<T> extends ZodType<T[keyof T], T[keyof T]> {
      readonly options: T[keyof T][]
    }
    export interface ZodArray<T> extends ZodType<output<T>[], input<T>[]> {
      min(length: number, message?: string): this
      max(length: number, message?: string): this
    }
    export interface ZodObject<S> extends ZodType<ObjectOutput<S>, ObjectInput<S>> {
      readonly shape: S
      extend<More extends Shape>(more: More): ZodObject<Omit<S, keyof More> & More>
      strict(): ZodObject<S>
      partial(): ZodObject<{ [K in keyof S]: ZodOptional<S[K]> }>
      pick<const K extends { readonly [key in keyof S]?: true }>(
        keys: K,
      ): ZodObject<{ [key in keyof S & keyof K]: S[key] }>
      omit<const K extends { readonly [key in keyof S]?: true }>(keys: K): ZodObject<Omit<S, keyof K>>
    }
    export interface ZodRecord<K, V>
      extends ZodType<Record<output<K> & string, output<V>>, Record<input<K> & string, input<V>>> {}
    export interface ZodUnion<T extends readonly unknown[]> extends ZodType<output<T[number]>, input<T[number]>> {}
    export interface ZodOptional<T> extends ZodType<output<T> | undefined, input<T> | undefined> {
      readonly _zod: Optional<output<T> | undefined, input<T> | undefined, 'optional'>
    }
    export interface ZodNullable<T> extends ZodType<output<T> | null, input<T> | null> {}
    export interface ZodDefault<T> extends ZodType<Exclude<output<T>, undefined>, input<T> | undefined> {
      readonly _zod: Optional<Exclude<output<T>, undefined>, input<T> | undefined, undefined>
    }

    export interface ZodCatch<T> extends ZodType<output<T>, unknown> {
      readonly _zod: { readonly output: output<T>; readonly input: unknown; readonly optin: 'optional' }
    }
    export interface ZodPipe<T, Out> extends ZodType<Out, input<T>> {}
    export interface ZodTuple<T extends readonly unknown[]>
      extends ZodType<{ -readonly [K in keyof T]: output<T[K]> }, { -readonly [K in keyof T]: input<T[K]> }> {}

    export function string(): ZodString
    export function url(): ZodString
    export function email(): ZodString
    export function int(): ZodNumber
    export function custom<T>(check?: (value: unknown) => unknown, message?: string): ZodCustom<T, T>
    export function looseObject<S extends Shape>(shape: S): ZodObject<S>
    export function tuple<const T extends readonly [ZodType, ...ZodType[]]>(items: T): ZodTuple<T>
    export function discriminatedUnion<const T extends readonly ZodType[]>(key: string, options: T): ZodUnion<T>
    export function number(): ZodNumber
    export function boolean(): ZodBoolean
    export function unknown(): ZodUnknown
    export function any(): ZodCustom<any, any>
    export function literal<const T extends string | number | boolean | null>(value: T | readonly T[]): ZodLiteral<T>
    function _enum<const T extends readonly string[]>(values: T): ZodEnum<{ [K in T[number]]: K }>

    function _null(): ZodLiteral<null>

    export { _enum as enum, _null as null }

    export function array<T extends ZodType>(item: T): ZodArray<T>
    export function object<S extends Shape>(shape: S): ZodObject<S>
    export function strictObject<S extends Shape>(shape: S): ZodObject<S>
    export function record<K extends ZodType<string, string>, V extends ZodType>(key: K, value: V): ZodRecord<K, V>
    export function union<const T extends readonly ZodType[]>(options: T): ZodUnion<T>
    export function optional<T extends ZodType>(type: T): ZodOptional<T>
  }
}

declare module 'zod*' {
  export { z } from 'codeband'
}
