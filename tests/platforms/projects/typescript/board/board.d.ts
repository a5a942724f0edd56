// Stands in for what jco makes of a component.
export declare function instantiate(getCoreModule: (file: string) => WebAssembly.Module, imports: object): unknown;
