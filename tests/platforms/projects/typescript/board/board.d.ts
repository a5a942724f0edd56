// Replaces the types of a component that jco transpiled.
export declare function instantiate(getCoreModule: (file: string) => WebAssembly.Module, imports: object): unknown;
