// Samples are files without exports; samples.ts gives them what they lack.
declare module '*?export=ChatList' {
    const component: import('react').ComponentType;
    export default component;
}
declare module '*?export=MyComponent' {
    const component: import('react').ComponentType;
    export default component;
}
declare module '*?export=MyComponent&react=useEffect' {
    const component: import('react').ComponentType;
    export default component;
}
